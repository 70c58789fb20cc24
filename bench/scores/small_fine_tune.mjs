// `npm run bench small_fine_tune [5x10]`: both stages of the preset small on subsets of the Grocery photos, scored as
// `npm run bench small` does, with the line of each run's summary about no training. Needs data/grocery (npm run grocery).
import { existsSync, mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { writeCsv } from "guie/dist/common/csv/csv.js";
import { terminalProgress } from "guie/dist/common/progress.js";
import { projectPath } from "guie/dist/common/project.js";
import { overrideConfig } from "guie/dist/config/config.js";
import { preset } from "guie/dist/config/presets.js";
import { trainStage } from "guie/dist/photos/train_stage.js";
import { runFolder } from "guie/dist/runs/run_folder.js";
import { untrainedText } from "guie/dist/runs/untrained.js";
import { mergeTables } from "guie/dist/tables/merge_tables.js";
import { readSource, SEEDS, subset } from "./small_subsets.mjs";

const SIZES = [
  [5, 10],
  [10, 30],
  [27, 1000],
];
const SET = { name: "Fruit", folder: "Fruit" };
const STAGES = /** @type {const} */ (["frozen", "fine_tune"]);

/** Trains every size by the first seed, then by the second, ... @param word only sizes with this word in their name */
export async function bench(word = "") {
  const source = await readSource("grocery");
  for (const seed of SEEDS)
    for (const [classes, most] of SIZES) {
      const name = `${classes}x${most}`;
      if (name.includes(word)) await train(source, { name, classes, most, seed });
    }
}

async function train(source, { name, classes, most, seed }) {
  const run = (stage) => `bench_small_${name}_${seed}_${stage}`;
  const dataDir = projectPath(`data/bench_small_${name}_${seed}`);
  const startedAtMs = performance.now();
  const { rows } = await writeTables(source, dataDir, subset(source, classes, most, seed), seed);
  const scores = {};
  const says = {};
  for (const stage of STAGES) {
    const start = stage === "fine_tune" ? { initFrom: run("frozen") } : {};
    const settings = { dataDir, runName: run(stage), seed, ...start };
    const config = overrideConfig(preset("small", stage), settings);
    const { retrieval, steps } = await trainStage(config, {
      onProgress: terminalProgress(),
      say: console.error,
    });
    scores[stage] = { mp5: retrieval.mp5, steps };
    scores.untrained = retrieval.untrained;
    says[stage] = untrainedText(retrieval);
  }
  const minutes = Number(((performance.now() - startedAtMs) / 60_000).toFixed(1));
  console.log(
    JSON.stringify({
      bench: "small_fine_tune",
      classes,
      images: rows.length,
      seed,
      minutes,
      ...scores,
      says,
    }),
  );
  for (const path of [dataDir, ...STAGES.map((stage) => runFolder(run(stage)))])
    rmSync(path, { recursive: true });
}

/**
 * Writes a data directory with the images to learn from, and the scored images as queries and as index: each searches
 * all others.
 */
async function writeTables({ dataDir: images, files, queries }, dataDir, learned, seed) {
  const home = join(dataDir, "final_data_224");
  mkdirSync(home, { recursive: true });
  const link = join(home, SET.folder);
  if (!existsSync(link)) symlinkSync(projectPath(images, "final_data_224", SET.folder), link);
  const table = ({ rows, labels }) => rows.map((row, i) => [files[row], labels[i]]);
  const columns = ["image_files", "labels"];
  await writeCsv(join(home, `${SET.folder}_final_224.csv`), columns, table(learned));
  await mergeTables({ dataDir, datasets: [SET], seed });
  for (const part of ["queries", "index"]) {
    mkdirSync(join(dataDir, "retrieval"), { recursive: true });
    await writeCsv(join(dataDir, "retrieval", `${part}.csv`), columns, table(queries));
  }
  return learned;
}
