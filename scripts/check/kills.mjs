// npm run check:kills [-- moments] [--only command] [--seed n]: kills every command that writes (SIGKILL) at random
// moments, 20 by default (exports share them over their formats). After a kill nothing may be damaged, output to be
// replaced must exist, and the same command, run again, must write the output of an uninterrupted one, except times.
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { killCases } from "./kill_cases.mjs";
import { killCommand, run } from "./kill_commands.mjs";
import { killService } from "./kill_photos.mjs";
import { killRuns } from "./kill_runs.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const require = createRequire(import.meta.url);
const { randomStream } = require("guie/dist/common/random");
const { textTable } = require("guie/dist/common/text_table");
const { makeTinyData } = require(join(root, "build/test/training/tiny_data.js"));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: "string" }, seed: { type: "string" } },
});
const moments = Number(positionals[0] ?? 20);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
console.log(`check: ${moments} kills of each command, --seed ${seed}`);

const scratch = mkdtempSync(join(tmpdir(), "guie-kills-"));
process.env.GUIE_ROOT = scratch; // runs, data/ and the cache of all commands
const tinyData = await makeTinyData();
const isWanted = (command) => values.only === undefined || command.startsWith(values.only);
const rows = [];
const faults = [];
const folders = [scratch, tinyData];

/** Kills a command; a fault does not stop the other commands. */
async function tryOut(command, kill) {
  try {
    rows.push(await kill());
  } catch (error) {
    faults.push(`${command}: ${error.message}`);
    console.log(`FAULT: ${faults.at(-1)}`);
  }
}

try {
  if (isWanted("train"))
    await tryOut("train", () => killRuns(moments, randomStream(seed, "train"), tinyData));
  const random = randomStream(7, "pictures");
  const name = `check-kills-${process.pid}`;
  const all = await killCases({ scratch, tinyData, name, random, prepare: run });
  folders.push(...all.folders);
  for (const spec of all.cases) {
    const { command } = spec;
    if (isWanted(command))
      await tryOut(command, () => killCommand(spec, moments, randomStream(seed, command), scratch));
    else if (spec.isNeeded) await run(spec.args);
  }
  if (isWanted("serve"))
    await tryOut("serve", () => killService(all.photos, moments, randomStream(seed, "serve")));
  const cells = rows.map(({ command, kills, inWork, reruns, seconds }) => [
    command,
    kills,
    inWork ?? "",
    reruns,
    seconds.toFixed(0),
  ]);
  console.log(textTable(["command", "kills", "during work", "reruns with equal output", "s"], cells));
  if (faults.length > 0)
    throw new Error(`${faults.length} of ${rows.length + faults.length} commands: see FAULT above`);
  console.log("check: every rerun wrote the output of an uninterrupted one, nothing was lost: ok");
} finally {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}
