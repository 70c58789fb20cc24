// `npm run demo`: from nothing to the ladder. Sets the workspace up, runs the six notebooks headless on the demo set
// (executed copies go to runs/demo/), prints the ladder and writes runs/demo/report.json.
import { spawnSync } from "node:child_process";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { guardScript } from "./guard.mjs";

guardScript("demo");

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const out = join(root, "runs/demo");

/** Stage of the report -> the notebook that does it. */
const NOTEBOOKS = {
  get_data: "Get_Data",
  preprocessing: "Data_preprocessing",
  merge: "Data_Merge",
  model: "Model_Preparation",
  train: "Train",
  inference: "Inference",
};

/** Rung of the report -> the run that it scores. */
const RUNS = { frozen: "demo_frozen", fine_tuned: "demo_fine_tune" };

const seconds = {};

/** Runs a Node script, its output on this terminal; ends the demo when it fails. Remembers how long it took. */
function stage(name, args, options = {}) {
  const startedAtMs = performance.now();
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit", ...options });
  seconds[name] = Math.round((performance.now() - startedAtMs) / 1000);
  if (status !== 0) process.exit(status ?? 1);
  return stdout;
}

stage("set_up", ["scripts/setup.mjs"]);
for (const [name, notebook] of Object.entries(NOTEBOOKS)) {
  stage(name, ["scripts/notebooks.mjs", notebook, "--out", out, "--timeout-s", "3600"]);
}
const evaluate = [
  "lib/bin/guie.js",
  "evaluate",
  "--config-name",
  "demo",
  "--run",
  ...Object.values(RUNS),
  "--json",
];
const scores = JSON.parse(
  stage("evaluate", evaluate, { stdio: ["ignore", "pipe", "inherit"], encoding: "utf8" }),
);

/** A metric's values with the report's names of the rungs. */
function rungs(values) {
  const trained = Object.entries(RUNS).map(([rung, run]) => [rung, values[run]]);
  return { pixels: values.pixels, backbone: values.backbone, ...Object.fromEntries(trained) };
}

const report = { mp5: rungs(scores.mp5), r1: rungs(scores.r1), seconds };
mkdirSync(out, { recursive: true });
writeFileSync(join(out, "report.json.tmp"), `${JSON.stringify(report, null, 2)}\n`);
renameSync(join(out, "report.json.tmp"), join(out, "report.json"));

console.log("\nThe ladder, on classes that no training has seen:\n\n             mP@5    R@1");
for (const rung of Object.keys(report.mp5)) {
  console.log(`${rung.padEnd(12)} ${report.mp5[rung].toFixed(3)}  ${report.r1[rung].toFixed(3)}`);
}
const total = Object.values(seconds).reduce((sum, value) => sum + value, 0);
console.log(
  `\n${Math.floor(total / 60)} min ${total % 60} s. Notebooks: runs/demo/. Report: runs/demo/report.json. Now try: npm run lab`,
);
