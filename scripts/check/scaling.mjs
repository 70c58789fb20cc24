// Generates the tables of docs/background/scaling.md from the predictions of lib/experiments/scaling.ts.
//   node scripts/check/scaling.mjs            fails if they differ from the code
//   node scripts/check/scaling.mjs --write    updates them
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkTables, table } from "./generated_tables.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const require = createRequire(import.meta.url);
const { vit224 } = require(join(root, "lib/dist/config/presets.js"));
const { predictStep } = require(join(root, "lib/dist/experiments/scaling.js"));
const { MACHINES, scalingInputs } = require(join(root, "lib/dist/experiments/scaling_inputs.js"));

const CLASSES = 274_330;
const CONFIG = { ...vit224(), precision: "bfloat16", gradientCheckpointing: true };
const PLACES = [
  [1, 1],
  [1, 2],
  [1, 4],
  [1, 6],
  [1, 8],
  [2, 8],
  [4, 8],
  [8, 8],
  [16, 8],
];
/** Variant of communication -> its settings. */
const VARIANTS = {
  "float32 gradients": {},
  "bfloat16 gradients": { gradientDtype: "bfloat16" },
  "bfloat16 gradients, head shared out": { gradientDtype: "bfloat16", shardHead: true },
};

function predicted(machine, [hosts, devicesPerHost], settings) {
  const inputs = scalingInputs(
    { ...CONFIG, ...settings },
    CLASSES,
    { hosts, devicesPerHost },
    MACHINES[machine],
  );
  return { inputs, ...predictStep(inputs) };
}

const ms = (seconds) => (1000 * seconds).toFixed(0);

function steps(machine) {
  const rows = PLACES.map((place) => {
    const cells = Object.values(VARIANTS).map((settings) => {
      const { stepSeconds, exposedSeconds, imagesPerSecond, efficiency } = predicted(
        machine,
        place,
        settings,
      );
      return `${ms(stepSeconds)} (${ms(exposedSeconds)}); ${imagesPerSecond.toFixed(0)}; ${(100 * efficiency).toFixed(0)} %`;
    });
    return [`${place[0]} x ${place[1]}`, ...cells];
  });
  return table(["hosts x devices", ...Object.keys(VARIANTS)], rows);
}

function ingredients() {
  const rows = Object.keys(MACHINES).map((machine) => {
    const { inputs, computeSeconds, updateSeconds } = predicted(machine, [1, 1], {});
    const { flopsPerImage, gradientBytes, flopsPerSecond } = inputs;
    return [
      machine,
      (flopsPerImage / 1e12).toFixed(3),
      (flopsPerSecond / 1e12).toFixed(1),
      ms(computeSeconds),
      ms(updateSeconds),
      (gradientBytes / 1e9).toFixed(3),
    ];
  });
  const head = ["machine", "TFLOP an image", "TFLOP/s", "compute, ms", "update, ms", "float32 gradients, GB"];
  return table(head, rows);
}

function tables() {
  const machines = Object.keys(MACHINES).map((machine) => `### ${machine}\n\n${steps(machine)}`);
  return `## What goes in\n\n${ingredients()}\n\n## Predicted steps\n\nms a step (of which ms waiting for gradients); images/s of all devices; efficiency.\n\n${machines.join("\n\n")}\n`;
}

checkTables("background/scaling", tables());
