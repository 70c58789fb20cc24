// Starts the command `guie` as a benchmark's work, and watches its memory.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./paths.mjs";

const GUIE = join(ROOT, "lib/bin/guie.js");
/** Time between two looks at the memory; the system keeps the highest value between them. */
const LOOK_MS = 50;

/**
 * Starts the command.
 * @param {string[]} args
 * @param {{ root?: string, until?: RegExp }} [options] `root`: folder of its data and checkpoints (GUIE_ROOT); `until`:
 * what it says when it has begun; default: progress over images
 * @returns {{ child: import("node:child_process").ChildProcess, begun: Promise<string>, ended: Promise<number> }} `begun`:
 * what it said until then; `ended`: its highest memory, MB
 */
export function startGuie(args, { root, until = /\d+\/\d+ images/ } = {}) {
  const env = root ? { ...process.env, GUIE_ROOT: root } : process.env;
  const child = spawn(process.execPath, [GUIE, ...args], { stdio: ["ignore", "pipe", "pipe"], env });
  let said = "";
  const begun = new Promise((resolve) => {
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (text) => {
        said += text;
        if (until.test(said)) resolve(said);
      });
    child.once("exit", () => resolve(said));
  });
  let peakMB = 0;
  const looks = setInterval(() => {
    peakMB = Math.max(peakMB, memoryMB(child.pid));
  }, LOOK_MS);
  const ended = once(child, "exit").then(([code]) => {
    clearInterval(looks);
    if (code !== 0) throw new Error(`guie ${args.join(" ")} ended with ${code}:\n${said}`);
    return peakMB;
  });
  return { child, begun, ended };
}

/** Returns the highest memory of a process until now, MB; 0 if it has ended. */
export function memoryMB(pid) {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) >> 10;
  } catch {
    return 0;
  }
}
