// Writes the input of `npm run bench merge`: preprocessed tables of the 14 data sets, as large as the original's.
import { closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { DATA_SETS } from "guie/dist/datasets/catalogue.js";
import { preprocessedCsv } from "guie/dist/preprocessing/layout.js";
import { CACHE } from "../shared/paths.mjs";

const ROWS = 3_000_000;
const CLASSES = 274_330;
/** Smallest class that Data_preprocessing keeps. */
const SMALLEST = 3;
/** Exponent of the Pareto distribution of class sizes: 3 M rows give a few classes of thousands, most of 3 to 10. */
const TAIL = 1.35;
const LARGEST = 6_000;
const ROWS_PER_WRITE = 20_000;
/** Step without a common factor with a data set's number of rows: it visits all rows, out of order. */
const STRIDE = 1_000_003;

/**
 * Writes the tables if they are missing.
 * @returns the data directory
 */
export function mergeInput() {
  const dataDir = join(CACHE, `merge_${ROWS}_${CLASSES}_${TAIL}`);
  if (existsSync(dataDir)) return dataDir;
  const temporary = `${dataDir}.tmp`;
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(join(temporary, "final_data_224"), { recursive: true });
  const sizes = classSizes();
  for (const [i, dataset] of DATA_SETS.entries()) {
    const ofDataset = sizes.filter((_, k) => k % DATA_SETS.length === i);
    writeTable(join(temporary, preprocessedCsv(dataset)), dataset.folder, ofDataset);
  }
  renameSync(temporary, dataDir);
  return dataDir;
}

/** Returns quantiles of a Pareto distribution, largest first, adjusted to sum to ROWS. */
function classSizes() {
  const sizes = Array.from({ length: CLASSES }, (_, k) =>
    Math.min(LARGEST, Math.floor(SMALLEST * (CLASSES / (k + 0.5)) ** (1 / TAIL))),
  );
  let rest = ROWS - sizes.reduce((sum, size) => sum + size, 0);
  const step = Math.sign(rest);
  for (let k = 0; rest !== 0; k = (k + 1) % CLASSES) {
    if (sizes[k] + step < SMALLEST) continue;
    sizes[k] += step;
    rest -= step;
  }
  return sizes;
}

/** Writes a table with rows that are not in class order. */
function writeTable(path, folder, sizes) {
  const labels = Int32Array.from(sizes.flatMap((size, label) => Array(size).fill(label)));
  const file = openSync(path, "w");
  let text = "image_files,labels\n";
  for (let i = 0; i < labels.length; i++) {
    const row = (i * STRIDE) % labels.length;
    const label = labels[row];
    text += `final_data_224/${folder}/images/train+${label}+image_${row}.jpg,${label}\n`;
    if (i % ROWS_PER_WRITE !== 0 && i + 1 < labels.length) continue;
    writeSync(file, text);
    text = "";
  }
  closeSync(file);
}
