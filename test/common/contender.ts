// A process that claims a place several times, and finally dies while it owns it. As owner it makes a file exclusively,
// which fails if another process owns the place too.
// node build/test/common/contender.js <place> <times>
import { rmSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { claimAfter } from "guie/dist/common/files/claim";

const [place, times] = [process.argv[2]!, Number(process.argv[3])];

async function contend(): Promise<void> {
  for (let time = 1; ; time++) {
    const { release } = await claimAfter(place, "The test");
    writeFileSync(`${place}.inside`, String(process.pid), { flag: "wx" });
    await pause(5);
    rmSync(`${place}.inside`);
    if (time === times) process.kill(process.pid, "SIGKILL");
    release();
  }
}

void contend();
