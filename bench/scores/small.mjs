// `npm run bench small [WORD]`: the gain of training against the number of images: untrained, the preset demo, the
// preset small. Draws subsets of the Grocery photos and of the demo's pictures, with three seeds, and scores on classes
// that no setting was chosen on. Needs data/grocery and data/demo (npm run grocery, npm run demo). The table of
// docs/how_to/small_data.md comes from here.
import { UserError } from "guie/dist/common/errors.js";
import { terminalProgress } from "guie/dist/common/progress.js";
import { pickRows } from "guie/dist/common/vectors.js";
import { overrideConfig } from "guie/dist/config/config.js";
import { preset } from "guie/dist/config/presets.js";
import { embedFeatures, scoreRetrievalSet } from "guie/dist/embedding/embed_images.js";
import { tf } from "guie/dist/engine/native/tf.js";
import { ldaFit, rawFit, standardisedFit, whitenedFit } from "guie/dist/experiments/cross_validate.js";
import { ensureFeatures } from "guie/dist/features/features.js";
import { untrainedText, WORSE } from "guie/dist/runs/untrained.js";
import { trainNeck } from "guie/dist/training/train_neck.js";
import { IMAGE_SIZE_PX, readSource, SEEDS, SOURCES, subset } from "./small_subsets.mjs";

/** Measures every subset. @param word only data sets with this word in their name */
export async function bench(word = "") {
  const names = Object.keys(SOURCES).filter((name) => name.includes(word));
  const table = [];
  for (const name of names) {
    const source = await withFeatures(await readSource(name));
    for (const [classes, most] of SOURCES[name].sizes) table.push(await measure(source, classes, most));
  }
  console.error(markdown(table));
}

async function withFeatures(source) {
  const config = overrideConfig(preset("demo", "frozen"), {
    dataDir: source.dataDir,
    imageSize: IMAGE_SIZE_PX,
  });
  const features = await ensureFeatures(config, "small", source.files, { onProgress: terminalProgress() });
  return { ...source, features };
}

/** The models of the table: fits as for `crossValidate`. */
const MODELS = {
  raw: () => rawFit,
  standardised: () => standardisedFit,
  whitened: () => whitenedFit,
  LDA: () => ldaFit,
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
  const { features, queries } = source;
  const asked = { vectors: pickRows(features, queries.rows), labels: queries.labels };
  /** @type {Record<string, number[]>} */
  const scores = Object.fromEntries(Object.keys(MODELS).map((name) => [name, []]));
  let images = 0;
  for (const seed of SEEDS) {
    const { rows, labels } = subset(source, classes, most, seed);
    images += rows.length / SEEDS.length;
    for (const [name, fitOf] of Object.entries(MODELS))
      scores[name].push(await scoreOf(fitOf(seed), pickRows(features, rows), labels, asked));
  }
  const size = { source: source.name, classes, images: Math.round(images) };
  const line = { bench: "small", ...size, ...scores, says: SEEDS.map((_, i) => saidOf(scores, i)) };
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

/**
 * Returns the line that a run of the preset small with these scores has in its summary; it does not name the R@1.
 * @param {Record<string, number[]>} scores
 */
function saidOf({ standardised, whitened, small }, i) {
  const scoresOf = (mp5) => (mp5 === undefined ? undefined : { mp5, r1: Number.NaN });
  const untrained = { backbone: scoresOf(standardised[i]), whitened: scoresOf(whitened[i]) };
  return untrainedText({ mp5: small[i], r1: Number.NaN, untrained });
}

/** Returns the table in Markdown: means over the seeds, and the largest less the smallest. */
function markdown(table) {
  const names = Object.keys(MODELS);
  const head = `| data | classes | images | ${names.join(" | ")} | small less whitened | below whitened | says so |`;
  const rows = table.map((line) => {
    const cells = names.map((name) => cellOf(line[name]));
    const gains = SEEDS.map((_, i) => line.small[i] - line.whitened[i]);
    const below = gains.flatMap((gain, i) => (gain < 0 ? line.says[i] : []));
    const saying = below.filter((said) => said.includes(WORSE) || said.includes("no better")).length;
    const verdict = `${cellOf(gains, true)} | ${below.length} | ${saying}`;
    return `| ${line.source} | ${line.classes} | ${line.images} | ${cells.join(" | ")} | ${verdict} |`;
  });
  return [head, `|${"---|".repeat(names.length + 6)}`, ...rows].join("\n");
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
