// `npm run bench small [WORD]`: the gain of training against the number of images: untrained, the preset demo, the
// preset small. Draws subsets of the Grocery photos and of the demo's pictures, with three seeds, and scores on classes
// that no setting was chosen on. Needs data/grocery and data/demo (npm run grocery, npm run demo). The table of
// docs/small_data.md comes from here.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readCsv } from "guie/dist/common/csv/csv.js";
import { UserError } from "guie/dist/common/errors.js";
import { terminalProgress } from "guie/dist/common/progress.js";
import { randomStream } from "guie/dist/common/random.js";
import { pickRows } from "guie/dist/common/vectors.js";
import { overrideConfig } from "guie/dist/config/config.js";
import { preset } from "guie/dist/config/presets.js";
import { embedFeatures, scoreRetrievalSet } from "guie/dist/embedding/embed_images.js";
import { tf } from "guie/dist/engine/native/tf.js";
import { rawFit, standardisedFit, whitenedFit } from "guie/dist/experiments/cross_validate.js";
import { ensureFeatures } from "guie/dist/features/features.js";
import { trainNeck } from "guie/dist/training/train_neck.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const SEEDS = [1, 2, 3];
const IMAGE_SIZE_PX = 112;
/** Images of a scored class at most: each searches all others. */
const SCORED_IMAGES = 12;

/** The data sets: a table of images of all classes, and the subsets to train on, [classes, images of each]. */
const SOURCES = {
  grocery: {
    dataDir: "data/grocery",
    tables: ["final_data_224/Fruit_final_224.csv"],
    sizes: [
      [5, 10],
      [10, 10],
      [10, 30],
      [20, 20],
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

/** Measures every subset. @param word only data sets with this word in their name */
export async function bench(word = "") {
  const names = Object.keys(SOURCES).filter((name) => name.includes(word));
  const table = [];
  for (const name of names) {
    const source = await readSource(name, SOURCES[name]);
    for (const [classes, most] of SOURCES[name].sizes) table.push(await measure(source, classes, most));
  }
  console.error(markdown(table));
}

/** Reads features and classes of all images, and divides the classes: a third to score on, others to learn. */
async function readSource(name, { dataDir, tables }) {
  const config = overrideConfig(preset("demo", "frozen"), { dataDir, imageSize: IMAGE_SIZE_PX });
  const files = new Map();
  for (const [number, table] of tables.entries()) {
    for (const row of await readRows(join(root, dataDir, table))) {
      const label = Number(row.new_labels ?? row.labels) + (number > 0 ? RETRIEVAL_LABELS : 0);
      files.set(row.new_image_files ?? row.image_files, label);
    }
  }
  const features = await ensureFeatures(config, "small", [...files.keys()], {
    onProgress: terminalProgress(),
  });
  const rowsOf = new Map();
  for (const [row, label] of [...files.values()].entries())
    rowsOf.set(label, [...(rowsOf.get(label) ?? []), row]);
  const classes = [...rowsOf.keys()].sort((a, b) => a - b);
  const drawn = randomStream(7, "classes of small data", name).shuffle(classes);
  const scored = drawn.splice(0, Math.round(drawn.length / 3));
  return { name, features, rowsOf, learned: drawn, queries: queriesOf(name, features, rowsOf, scored) };
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

/** Returns the images of the scored classes, which search each other. */
function queriesOf(name, features, rowsOf, scored) {
  const images = scored.flatMap((label, place) =>
    randomStream(1, "scored images", name, label)
      .shuffle([...rowsOf.get(label)])
      .slice(0, SCORED_IMAGES)
      .map((row) => ({ row, place })),
  );
  return {
    vectors: pickRows(
      features,
      images.map(({ row }) => row),
    ),
    labels: images.map(({ place }) => place),
    classes: scored.length,
  };
}

/** Draws the images that a model learns from: some classes, at most so many images of each. */
function subset({ name, features, rowsOf, learned }, classes, most, seed) {
  const drawn = randomStream(seed, "subset classes", name, classes, most)
    .shuffle([...learned])
    .slice(0, classes);
  const images = drawn.flatMap((label, place) =>
    randomStream(seed, "subset images", name, label)
      .shuffle([...rowsOf.get(label)])
      .slice(0, most)
      .map((row) => ({ row, place })),
  );
  return {
    features: pickRows(
      features,
      images.map(({ row }) => row),
    ),
    labels: Int32Array.from(images, ({ place }) => place),
  };
}

/** The models of the table: fits as for `crossValidate`; undefined for one that refuses the data. */
const MODELS = {
  raw: () => rawFit,
  standardised: () => standardisedFit,
  whitened: () => whitenedFit,
  demo: (seed) => neckOf("demo", seed),
  small: (seed) => neckOf("small", seed),
};

function neckOf(name, seed) {
  return async (features, labels) => {
    const config = overrideConfig(preset(name, "frozen"), { seed, imageSize: IMAGE_SIZE_PX });
    const weights = await trainNeck(config, features, labels);
    return { embed: (rows) => embedFeatures(weights, rows), dispose: () => tf.dispose(weights) };
  };
}

async function measure(source, classes, most) {
  const { queries } = source;
  const scores = Object.fromEntries(Object.keys(MODELS).map((name) => [name, []]));
  let images = 0;
  for (const seed of SEEDS) {
    const { features, labels } = subset(source, classes, most, seed);
    images += features.count / SEEDS.length;
    for (const [name, fitOf] of Object.entries(MODELS))
      scores[name].push(await scoreOf(fitOf(seed), features, labels, queries));
  }
  const line = { bench: "small", source: source.name, classes, images: Math.round(images), ...scores };
  console.log(JSON.stringify(line));
  return line;
}

/** Returns mP@5 of the queries, each of which searches all others; undefined if the model refuses the data. */
async function scoreOf(fit, features, labels, queries) {
  try {
    const model = await fit(features, labels);
    const vectors = await model.embed(queries.vectors);
    model.dispose?.();
    const own = Int32Array.from(queries.labels, (_, row) => row);
    const set = {
      queries: vectors,
      queryLabels: queries.labels,
      index: vectors,
      indexLabels: queries.labels,
      own,
    };
    return Number((await scoreRetrievalSet(set)).mp5.toFixed(4));
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** Returns the table in Markdown: means over the seeds, and the largest less the smallest. */
function markdown(table) {
  const names = Object.keys(MODELS);
  const head = `| data | classes | images | ${names.join(" | ")} | small less the best untrained |`;
  const rows = table.map((line) => {
    const cells = names.map((name) => cellOf(line[name]));
    const gains = SEEDS.map((_, i) => {
      const untrained = ["raw", "standardised", "whitened"].map((name) => line[name][i] ?? 0);
      return line.small[i] - Math.max(...untrained);
    });
    return `| ${line.source} | ${line.classes} | ${line.images} | ${cells.join(" | ")} | ${cellOf(gains, true)} |`;
  });
  return [head, `|${"---|".repeat(names.length + 4)}`, ...rows].join("\n");
}

function cellOf(values, isGain = false) {
  const known = values.filter((value) => value !== undefined);
  if (known.length < values.length) return "refused";
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  const spread = Math.max(...known) - Math.min(...known);
  const digits = (value) => value.toFixed(3).replace("0.", ".");
  const sign = isGain && mean >= 0 ? "+" : "";
  return spread === 0 ? `${sign}${digits(mean)}` : `${sign}${digits(mean)} (${digits(spread)})`;
}
