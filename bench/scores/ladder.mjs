// `npm run bench ladder [SEEDS]`: both stages of the preset demo, against the same recipe in PyTorch: mP@5 and R@1 on the
// held-out classes, seconds of the steps, memory. Default: seeds 999,1,2; both sides train each, one after the other.
import { mkdirSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { readCsv } from "guie/dist/common/csv/csv.js";
import { overrideConfig } from "guie/dist/config/config.js";
import { preset } from "guie/dist/config/presets.js";
import { writeSafetensors } from "guie/dist/formats/safetensors.js";
import { towerWeights } from "guie/dist/model/backbone.js";
import { findTower } from "guie/dist/model/towers.js";
import { meanOf } from "guie/dist/retrieval/metrics.js";
import { pooledDifference } from "guie/dist/retrieval/pooled_difference.js";
import { startContestant } from "../shared/contestant.mjs";
import { CACHE, ROOT } from "../shared/paths.mjs";
import { findPython, row, TORCH } from "../shared/report.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const home = join(CACHE, "ladder");
const STAGES = ["frozen", "fine_tune"];

/** Measures both stages for each seed. @param seeds separated by commas */
export async function bench(seeds = "999,1,2") {
  const results = { frozen: [], fine_tune: [] };
  const python = findPython("albumentations");
  rmSync(home, { recursive: true, force: true });
  for (const seed of seeds.split(",").map(Number)) {
    for (const stage of STAGES) {
      const config = configOf(stage, seed);
      const ours = await trained(process.execPath, "ladder_ours.mjs", {
        config,
        folder: oursIn(stage, seed),
      });
      const spec = await torchSpec(config, seed, ours?.steps);
      const theirs = python && ours && (await trained(python, "ladder_torch.py", spec));
      console.error(`seed ${seed}, ${stage}: ${shown("ours", ours)}; ${shown(TORCH, theirs)}`);
      results[stage].push({ ours, theirs });
    }
  }
  for (const stage of STAGES) await report(stage, seeds, results[stage]);
}

function configOf(stage, seed) {
  const start = stage === "fine_tune" ? { initFrom: relative(ROOT, oursIn("frozen", seed)) } : {};
  return overrideConfig(preset("demo", stage), { seed, runName: `${stage}_${seed}`, cpktSteps: 0, ...start });
}

const oursIn = (stage, seed) => join(home, "ours", `${stage}_${seed}`);

/** Returns what PyTorch's side needs, with the tower's weights at the image size in a file. */
async function torchSpec(config, seed, steps) {
  const tower = findTower(config.tower);
  const towerFile = join(home, "tower.safetensors");
  mkdirSync(home, { recursive: true });
  await writeTower(towerFile, towerWeights(config, tower));
  const { width, layers, heads, mean, std } = tower;
  return {
    ...config,
    dataDir: join(ROOT, config.dataDir),
    tower: { width, layers, heads, mean, std },
    towerFile,
    steps,
    start: join(home, "torch", `frozen_${seed}.pt`),
    out: join(home, "torch", `${config.stage}_${seed}.pt`),
  };
}

async function writeTower(path, source) {
  const entries = [...source.shapes].map(([name, shape]) => {
    const data = new Float32Array(shape.reduce((product, side) => product * side, 1));
    source.write(name, data);
    return { name, shape, data };
  });
  source.close();
  await writeSafetensors(path, entries);
}

/**
 * Trains a stage in a process of its own.
 * @returns {Promise<{ mp5: number[], r1: number[], steps?: number, seconds?: number, peakMB: number } | undefined>} scores
 * of each query, seconds, memory; undefined if it failed
 */
async function trained(command, script, spec) {
  const contestant = await startContestant(command, [join(here, script), JSON.stringify(spec)]);
  const ms = await contestant.run();
  const peakMB = await contestant.end();
  if (ms === undefined) return undefined;
  const { mp5, r1, ...more } = contestant.more();
  const values = (list) => list.map((value) => value ?? Number.NaN); // JSON has no NaN
  return { ...more, mp5: values(mp5), r1: values(r1), peakMB };
}

function shown(name, result) {
  if (!result) return `${name} did not run`;
  const { mp5, r1, seconds, peakMB } = result;
  return `${name} mP@5 ${meanOf(mp5).toFixed(3)}, R@1 ${meanOf(r1).toFixed(3)}, ${seconds.toFixed(0)} s, ${peakMB} MB`;
}

/** Reports the means over the seeds, and the difference with its interval over seeds and classes. */
async function report(stage, seeds, pairs) {
  const config = preset("demo", stage);
  const whole = pairs.filter(({ ours, theirs }) => ours && theirs);
  const mean = (side, read) => whole.reduce((sum, pair) => sum + read(pair[side]), 0) / whole.length;
  if (whole.length === 0) return;
  const rows = await readCsv(join(ROOT, config.dataDir, "retrieval/queries.csv"), ["labels"]);
  const labels = rows.map((row) => Number(row.labels));
  const scores = whole.map(({ ours, theirs }) => ({ set: "", labels, base: theirs.mp5, other: ours.mp5 }));
  const { mean: difference, low, high } = pooledDifference(scores);
  row({
    bench: "ladder",
    case: `demo ${stage}, seeds ${seeds}`,
    unit: "mP@5",
    peer: TORCH,
    ours: mean("ours", ({ mp5 }) => meanOf(mp5)),
    theirs: mean("theirs", ({ mp5 }) => meanOf(mp5)),
    peakMB: Math.max(...whole.map(({ ours }) => ours.peakMB)),
    theirPeakMB: Math.max(...whole.map(({ theirs }) => theirs.peakMB)),
    more: {
      difference,
      low,
      high,
      r1: mean("ours", ({ r1 }) => meanOf(r1)),
      theirR1: mean("theirs", ({ r1 }) => meanOf(r1)),
      seconds: mean("ours", ({ seconds }) => seconds),
      theirSeconds: mean("theirs", ({ seconds }) => seconds),
    },
  });
  console.error(
    `demo ${stage}: ours - ${TORCH} ${difference.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}] mP@5`,
  );
}
