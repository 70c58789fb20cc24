// `npm run demo [-- --run NAME]`: from nothing to the ladder. Sets the workspace up, runs the project's six original
// notebooks headless on the demo set, ignoring edits in notebooks/ (executed copies go to runs/demo/), prints the
// ladder and writes runs/demo/report.json. The runs are NAME_frozen and NAME_fine_tune; NAME defaults to demo.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { guardScript } from "./guard.mjs";

guardScript("demo");

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const out = join(root, "runs/demo");
const run = readRun();

/** Returns the runs' name. Ends the demo for anything else on the command line. */
function readRun() {
  try {
    return parseArgs({ options: { run: { type: "string", default: "demo" } } }).values.run;
  } catch (error) {
    console.error(`demo: ${error.message}\n  Next: npm run demo, or npm run demo -- --run NAME`);
    return process.exit(2);
  }
}

/** Stage of the report -> its notebook. */
const NOTEBOOKS = {
  get_data: "Get_Data",
  preprocessing: "Data_preprocessing",
  merge: "Data_Merge",
  model: "Model_Preparation",
  train: "Train",
  inference: "Inference",
};

/** Parameters of the report, independent of the notebooks' defaults. */
const DATA = { dataDir: "data/demo", seed: 999 };
const PARAMS = {
  Get_Data: DATA,
  Data_preprocessing: DATA,
  Data_Merge: DATA,
  Model_Preparation: { ...DATA, model: "dinov2-vit-s-14" },
  Train: { preset: "demo", overrides: DATA, run },
  Inference: { dataDir: DATA.dataDir, run },
};

/** Rung of the report -> the run that it scores. */
const RUNS = { frozen: `${run}_frozen`, fine_tuned: `${run}_fine_tune` };

const seconds = {};

/** Runs a Node script with its output on this terminal and records its duration; ends the demo if it fails. */
function stage(name, args, options = {}) {
  const startedAtMs = performance.now();
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit", ...options });
  seconds[name] = Math.round((performance.now() - startedAtMs) / 1000);
  if (status !== 0) process.exit(status ?? 1);
  return stdout;
}

/** Ends the demo before it begins if a run of these names has other settings: it belongs to a person and must stay. */
function refuseOtherRuns() {
  const require = createRequire(import.meta.url);
  const { trainConfigs } = require("guie/dist/notebook/views/train_configs");
  const { readRunConfig, runFile, runFolder } = require("guie/dist/runs/run_folder");
  const { configDifferences } = require("guie/dist/runs/start_folder");
  const { frozen, fineTune } = trainConfigs(PARAMS.Train);
  for (const config of [frozen, fineTune]) {
    const folder = runFolder(config.runName);
    const differences = existsSync(runFile(folder, "config"))
      ? configDifferences(readRunConfig(folder), config)
      : [];
    if (differences.length === 0) continue;
    console.error(
      `demo: ${folder} is a run with other settings than the demo's: ${differences.join(", ")}.\n` +
        "  Next: npm run demo -- --run NAME trains the demo's under another name",
    );
    process.exit(1);
  }
}

stage("set_up", ["scripts/setup.mjs"]);
try {
  refuseOtherRuns();
} catch (error) {
  console.error(`demo: ${error.message}`);
  process.exit(1);
}
for (const [name, notebook] of Object.entries(NOTEBOOKS)) {
  const params = JSON.stringify({ [notebook]: PARAMS[notebook] });
  const options = ["--originals", "--out", out, "--params", params, "--timeout-s", "3600"];
  stage(name, ["scripts/notebooks.mjs", notebook, ...options]);
}
const evaluate = [
  "lib/bin/guie.js",
  "evaluate",
  ...Object.values(RUNS),
  "--config-name",
  "demo",
  "--data-dir",
  DATA.dataDir,
  "--json",
];
const scores = JSON.parse(
  stage("evaluate", evaluate, { stdio: ["ignore", "pipe", "inherit"], encoding: "utf8" }),
);

/** Returns a metric's values under the report's names of the rungs. */
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
