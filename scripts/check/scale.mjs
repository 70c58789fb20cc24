// Generates the table of docs/how_to/scale.md from the predictions of lib/experiments/scaling.ts.
//   node scripts/check/scale.mjs            fails if they differ from the code
//   node scripts/check/scale.mjs --write    updates them
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkTables, table } from "./generated_tables.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const require = createRequire(import.meta.url);
const { vit224 } = require(join(root, "lib/dist/config/presets.js"));
const { predictStep } = require(join(root, "lib/dist/experiments/scaling.js"));
const { ASSUMPTIONS, MACHINES, scalingInputs } = require(
  join(root, "lib/dist/experiments/scaling_inputs.js"),
);

const { classes: CLASSES, rows: ROWS, photos: PHOTOS } = { classes: 274_330, rows: 7.0e6, photos: 3.3e6 };
const CONFIG = {
  ...vit224(),
  precision: "bfloat16",
  gradientCheckpointing: true,
  gradientDtype: "bfloat16",
};
/** Hosts and devices of each: one GPU, the author's six, eight such hosts. */
const PLACES = [
  [1, 1],
  [1, 6],
  [8, 6],
];
/** Machine and share of its peak. The author reached 27 images/s a GPU without gradient checkpointing: 18 %. */
const ROWS_OF = [
  ["a40", 0.18],
  ["a40", ASSUMPTIONS.utilisation],
  ["h100", ASSUMPTIONS.utilisation],
];
const HOUR = 3600;

function predicted(machine, [hosts, devicesPerHost], utilisation, settings = {}) {
  const assumed = { ...ASSUMPTIONS, utilisation };
  const config = { ...CONFIG, ...settings };
  const inputs = scalingInputs(config, CLASSES, { hosts, devicesPerHost }, MACHINES[machine], assumed);
  return { inputs, ...predictStep(inputs) };
}

function times() {
  const rows = ROWS_OF.flatMap(([machine, utilisation]) =>
    PLACES.map((place) => {
      const { stepSeconds, exposedSeconds, imagesPerSecond, inputs } = predicted(
        machine,
        place,
        utilisation,
        {
          gradientCheckpointing: utilisation !== 0.18,
        },
      );
      const { flopsPerImage, backwardShare, flopsPerSecond } = inputs;
      const devices = place[0] * place[1];
      const forwardSeconds = (flopsPerImage * (1 - backwardShare)) / flopsPerSecond;
      const hours = (seconds) =>
        seconds / HOUR < 10 ? (seconds / HOUR).toFixed(1) : (seconds / HOUR).toFixed(0);
      const epoch = ROWS / imagesPerSecond;
      return [
        `${devices} ${machine.toUpperCase()}`,
        `${Math.round(100 * utilisation)} %`,
        `${(1000 * stepSeconds).toFixed(0)} (${(1000 * exposedSeconds).toFixed(0)})`,
        imagesPerSecond.toFixed(0),
        hours((PHOTOS * forwardSeconds) / devices),
        hours(epoch),
        hours(2 * epoch),
        hours(10 * epoch),
      ];
    }),
  );
  const head = [
    "GPUs",
    "of the peak",
    "ms a step (waiting)",
    "images/s",
    "frozen features, h",
    "an epoch, h",
    "the recipe that scored, 2 full epochs, h",
    "the README's 10 epochs, h",
  ];
  return table(head, rows);
}

const words = `## Times of training, on paper

bfloat16 products and gradients; batches of 32 for each GPU; gradient checkpointing but in the rows of 18 %, as the author had it; hosts of six GPUs, A40 with 100 Gbit/s. Frozen features: one pass of ${PHOTOS / 1e6} M photos; an epoch: ${ROWS / 1e6} M rows.`;

checkTables("how_to/scale", `${words}\n\n${times()}\n`);
