// npm run check:slurm [-- --only TEXT] [--install]: starts a real Slurm with two nodes on this machine, runs the jobs of
// scripts/cluster on it (undisturbed, cancelled, with a node that dies, at their time limit), and compares their files
// and losses with those of one process. Needs root and Debian's slurm-wlm and munge, which --install installs. Prints a
// table; exit code 1 if anything differs. Everything is in a temporary folder, and all daemons end with this process.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { guardScript } from "../guard.mjs";
import { INSTALL, lackOf, removeFolder, SlurmCluster } from "./slurm/cluster.mjs";
import { DataCases } from "./slurm/data.mjs";
import { TrainingCases } from "./slurm/training.mjs";

guardScript("check:slurm", { endsByInterrupt: false });
const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
process.chdir(root); // the job scripts are submitted from the project's folder
const require = createRequire(import.meta.url);
const { makeTinyData } = require(join(root, "build/test/training/tiny_data.js"));

const { values } = parseArgs({ options: { only: { type: "string" }, install: { type: "boolean" } } });
if (values.install) spawnSync(INSTALL[0], INSTALL.slice(1), { stdio: "inherit" });
const lack = lackOf();
if (lack !== undefined) {
  console.error(`check: Slurm: not checked: ${lack}`);
  process.exit(1);
}

/** Returns ports that are free now. */
async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0));
  await Promise.all(servers.map((server) => new Promise((resolve) => server.once("listening", resolve))));
  const ports = servers.map((server) => server.address().port);
  for (const server of servers) server.close();
  return ports;
}

/** Runs a case. @returns its row of the table */
async function rowOf({ what, nodes, run }) {
  const startedAtMs = Date.now();
  const row = (equal) => [what, nodes, ((Date.now() - startedAtMs) / 1000).toFixed(0), equal];
  try {
    const note = await run();
    return row(`yes: ${note}`);
  } catch (error) {
    console.error(`FAULT: ${what}: ${error.stack}\n${cluster.logs()}`);

    process.exitCode = 1;
    return row("no");
  } finally {
    console.error(`check: ${what}: ${((Date.now() - startedAtMs) / 1000).toFixed(0)} s`);
  }
}

const folder = mkdtempSync(join(tmpdir(), "guie-slurm-"));
const work = join(folder, "work");
mkdirSync(work);
process.env.GUIE_ROOT = work; // the folder of all runs, of this process and of the jobs
const cluster = new SlurmCluster(folder);
const tinyData = await makeTinyData();

async function end() {
  await cluster.close();
  for (const path of [folder, tinyData]) removeFolder(path);
}
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, async () => {
    await end();
    process.exit(1);
  });
}

try {
  const rows = [];
  const [controller, ...nodes] = await freePorts(3);
  await cluster.start({ controller, nodes });
  for (const part of [new DataCases(cluster, folder), new TrainingCases(cluster, folder, tinyData)]) {
    const wanted = part.all().filter(({ what }) => values.only === undefined || what.includes(values.only));
    if (wanted.length === 0) continue;
    rows.push([part.standard, 1, (await part.prepare()).toFixed(0), ""]);
    for (const each of wanted) rows.push(await rowOf(each));
  }
  const cells = [["what", "nodes", "s", "equal to one process"], ["---", "---", "---", "---"], ...rows];
  console.log(cells.map((row) => `| ${row.join(" | ")} |`).join("\n"));
} finally {
  await end();
}
