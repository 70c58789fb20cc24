// Subsets of photos to learn from, by number of classes and images, and classes to score on: of `npm run bench small` and
// `small_fine_tune`.
import { join } from "node:path";
import { readCsv } from "guie/dist/common/csv/csv.js";
import { UserError } from "guie/dist/common/errors.js";
import { randomStream } from "guie/dist/common/random.js";
import { ROOT } from "../shared/paths.mjs";

/** The draws of what a model learns from. */
export const SEEDS = [1, 2, 3];
/** The image size of the preset small. */
export const IMAGE_SIZE_PX = 168;
/** Images of a scored class at most: each searches all others. */
const SCORED_IMAGES = 12;

/** The data sets: a table of images of all classes, and the subsets to train on, [classes, images of each]. */
export const SOURCES = {
  grocery: {
    dataDir: "data/grocery",
    tables: ["final_data_224/Fruit_final_224.csv"],
    sizes: [
      [5, 10],
      [10, 10],
      [10, 30],
      [20, 20],
      [27, 1000],
      [54, 12],
      [54, 1000],
    ],
  },
  demo: {
    dataDir: "data/demo",
    tables: ["final_data_224.csv", "retrieval/queries.csv", "retrieval/index.csv"],
    sizes: [
      [10, 7],
      [50, 7],
      [150, 7],
      [458, 9],
    ],
  },
};

/**
 * Reads files and classes of all images, and divides the classes: a third to score on, others to learn.
 * @returns queries: { rows, labels, classes }, which search each other
 */
export async function readSource(name) {
  const { dataDir, tables } = SOURCES[name];
  const labelOf = new Map();
  for (const [number, table] of tables.entries()) {
    for (const row of await readRows(join(ROOT, dataDir, table))) {
      const label = Number(row.new_labels ?? row.labels) + (number > 0 ? RETRIEVAL_LABELS : 0);
      labelOf.set(row.new_image_files ?? row.image_files, label);
    }
  }
  const rowsOf = new Map();
  for (const [row, label] of [...labelOf.values()].entries())
    rowsOf.set(label, [...(rowsOf.get(label) ?? []), row]);
  const classes = [...rowsOf.keys()].sort((a, b) => a - b);
  const drawn = randomStream(7, "classes of small data", name).shuffle(classes);
  const scored = drawn.splice(0, Math.round(drawn.length / 3));
  const stream = (label) => randomStream(1, "scored images", name, label);
  const queries = { ...drawRows(rowsOf, scored, SCORED_IMAGES, stream), classes: scored.length };
  return { name, dataDir, files: [...labelOf.keys()], rowsOf, learned: drawn, queries };
}

/** Added to the labels of held-out classes, which are numbered from 0 again. */
const RETRIEVAL_LABELS = 10_000;

async function readRows(path) {
  try {
    return await readCsv(path, []);
  } catch (error) {
    throw new UserError(`The bench needs ${path}: ${error.message}`, "npm run grocery; npm run demo");
  }
}

/** Draws the images that a model learns from: some classes, at most `most` images of each. @returns rows and labels */
export function subset({ name, rowsOf, learned }, classes, most, seed) {
  const drawn = randomStream(seed, "subset classes", name, classes, most)
    .shuffle([...learned])
    .slice(0, classes);
  return drawRows(rowsOf, drawn, most, (label) => randomStream(seed, "subset images", name, label));
}

/** Draws at most `most` rows of each class; classes are numbered in their order. */
function drawRows(rowsOf, classes, most, streamOf) {
  const images = classes.flatMap((label, place) =>
    streamOf(label)
      .shuffle([...rowsOf.get(label)])
      .slice(0, most)
      .map((row) => ({ row, place })),
  );
  return { rows: images.map(({ row }) => row), labels: Int32Array.from(images, ({ place }) => place) };
}
