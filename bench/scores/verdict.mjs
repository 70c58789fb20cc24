// `npm run bench verdict [FEATURES]`: does the threshold for a rate of false accepts keep its promise on other classes,
// and what does it accept? Ten random halves of the classes: the threshold of one half is tested on the other. A folder of
// `guie embed` with classes is an index whose images are the queries; without a folder: the demo's held-out classes
// (npm run demo), whose queries are apart. The tables of docs/how_to/verdict.md come from here.
import { UserError } from "guie/dist/common/errors.js";
import { randomStream } from "guie/dist/common/random.js";
import { pickRows } from "guie/dist/common/vectors.js";
import { preset } from "guie/dist/config/presets.js";
import { heldOutFiles } from "guie/dist/experiments/ladder.js";
import { openFeatures } from "guie/dist/features/feature_files.js";
import { ensureFeatures } from "guie/dist/features/features.js";
import { quantile } from "guie/dist/retrieval/bootstrap.js";
import { fitLda } from "guie/dist/retrieval/lda.js";
import { reduceRows } from "guie/dist/retrieval/reduction.js";
import { matchQueries } from "guie/dist/verdict/matches.js";
import { auroc, knownScores, ratesAt } from "guie/dist/verdict/rates.js";
import { groupsOf } from "guie/dist/verdict/resamples.js";
import { chooseSpace, everySecondClass, inSpace, mapInto, VERDICT_SPACES } from "guie/dist/verdict/spaces.js";
import { leastImpostors, thresholdFor } from "guie/dist/verdict/threshold.js";

const RATES = [0.01, 0.05];
const HALVES = 10;
const RESAMPLES = 200;
/** Draws of a third of the classes that no map has seen. */
const DRAWS = 3;

/** Measures a folder of features, or the demo. */
export async function bench(folder) {
  await measure(await (folder === undefined ? readDemo() : readFolder(folder)));
}

async function readFolder(folder) {
  const features = openFeatures(folder);
  const { labels } = await features.readRows();
  if (!labels)
    throw new UserError(`${folder} has no classes.`, "npx guie embed PHOTOS --out FOLDER, in class folders");
  const vectors = features.readAll();
  const name = `${folder.split("/").at(-1)}, leave-class-out`;
  return { name, queries: vectors, queryLabels: labels, index: vectors, indexLabels: labels, own: "same" };
}

async function readDemo() {
  const config = preset("demo", "frozen");
  const { queries, index } = await heldOutFiles(config.dataDir);
  return {
    name: "demo, held-out classes",
    queries: await ensureFeatures(config, "queries", queries.files),
    queryLabels: queries.labels,
    index: await ensureFeatures(config, "index", index.files),
    indexLabels: index.labels,
  };
}

async function measure(source) {
  const classes = [...new Set(Array.from(source.indexLabels))].sort((a, b) => a - b);
  const { space: chosen } = await chooseSpace(everySecondClass(source), RATES[0]);
  print({ source: source.name, chosenByEverySecondClass: chosen });
  for (const space of VERDICT_SPACES) {
    const given = await inSpace(space, source);
    const whole = await matchQueries(given);
    const known = knownScores(whole);
    const size = { source: source.name, space, queries: whole.mate.length, classes: classes.length };
    print({
      ...size,
      auroc: auroc(known, whole.impostor),
      acceptedAtQuantile: RATES.map((rate) => plain(whole, rate)),
    });
    const asIndex = source.own ? undefined : await matchQueries({ ...given, ...ofIndex(given) });
    await halves(
      size,
      classes,
      (taken) => part(whole, taken),
      asIndex && ((taken) => part(asIndex, taken)),
      "same index",
    );
    const another = async (taken) => matchQueries(pickClasses(given, taken));
    const anotherIndex = asIndex && (async (taken) => matchQueries(ofIndex(pickClasses(given, taken))));
    await halves(size, classes, another, anotherIndex, "another index");
  }
  await unseen(source, classes);
}

/** Tests the threshold of one half of the classes on the other half. */
async function halves(size, classes, matchesOf, indexMatchesOf, tested) {
  const seen = RATES.map(() => []);
  for (let half = 0; half < HALVES; half++) {
    const order = randomStream(0, "halves of classes", half).shuffle(classes);
    const middle = Math.floor(order.length / 2);
    const [a, b] = [order.slice(0, middle), order.slice(middle)];
    const [judging, judged] = [await matchesOf(a), await matchesOf(b)];
    for (const [i, rate] of RATES.entries()) {
      const { impostors, byIndexImages } = await impostorsOf(judging, indexMatchesOf, a, rate);
      if (impostors.scores.length < leastImpostors(rate)) continue;
      const threshold = thresholdFor(impostors, rate, { resamples: RESAMPLES });
      const { falseAccept, trueAccept } = ratesAt(judged, threshold.value);
      const interval = rateInterval(judged, threshold.value, falseAccept);
      seen[i].push({
        falseAccept,
        trueAccept,
        ...interval,
        byIndexImages,
        plain: ratesAt(judged, quantileOf(impostors.scores, rate)).falseAccept,
      });
    }
  }
  for (const [i, rate] of RATES.entries()) print({ ...size, tested, ...summary(seen[i], rate) });
}

/**
 * Returns the 95 % interval of a seen rate: Wilson's, with the number of queries that are worth as much as these, whose
 * classes are accepted together. A bootstrap would give [0, 0] where no query was accepted.
 */
function rateInterval({ labels, impostor }, threshold, seen) {
  const { groupOf, count } = groupsOf(labels);
  const residuals = new Float64Array(count);
  for (let query = 0; query < impostor.length; query++)
    residuals[groupOf[query]] += (impostor[query] >= threshold ? 1 : 0) - seen;
  const n = impostor.length;
  const clustered = (count / (count - 1)) * residuals.reduce((sum, value) => sum + value ** 2, 0);
  const effect = seen > 0 && seen < 1 ? Math.max(1, clustered / (n * seen * (1 - seen))) : 1;
  const [worth, z] = [n / effect, 1.96];
  const middle = (seen + z ** 2 / (2 * worth)) / (1 + z ** 2 / worth);
  const half =
    (z / (1 + z ** 2 / worth)) * Math.sqrt((seen * (1 - seen)) / worth + z ** 2 / (4 * worth ** 2));
  return { low: middle - half, high: middle + half };
}

async function impostorsOf(matches, indexMatchesOf, taken, rate) {
  const own = { scores: Array.from(matches.impostor), labels: Array.from(matches.labels) };
  if (!indexMatchesOf || own.scores.length >= leastImpostors(rate))
    return { impostors: own, byIndexImages: false };
  const more = await indexMatchesOf(taken);
  const impostors = {
    scores: [...own.scores, ...more.impostor],
    labels: [...own.labels, ...Array.from(more.labels)],
  };
  return { impostors, byIndexImages: true };
}

function summary(seen, rate) {
  const mean = (name) => seen.reduce((sum, one) => sum + one[name], 0) / seen.length;
  const inside = seen.filter(({ low, high }) => low <= rate && rate <= high).length;
  const kept = seen.filter(({ low }) => low <= rate).length;
  return {
    rate,
    halves: seen.length,
    falseAccept: mean("falseAccept"),
    least: Math.min(...seen.map(({ falseAccept }) => falseAccept)),
    most: Math.max(...seen.map(({ falseAccept }) => falseAccept)),
    plainMean: mean("plain"),
    plainMost: Math.max(...seen.map(({ plain }) => plain)),
    accepted: mean("trueAccept"),
    promisedInInterval: inside,
    notSurelyBroken: kept,
    byIndexImages: seen.some(({ byIndexImages }) => byIndexImages),
  };
}

/** A third of the classes alone, in each space fitted to their images, and by an LDA of the other classes. */
async function unseen(source, classes) {
  const spaces = /** @type {const} */ ([...VERDICT_SPACES, "lda"]);
  const scores = Object.fromEntries(spaces.map((space) => [space, []]));
  for (let draw = 0; draw < DRAWS; draw++) {
    const order = randomStream(0, "unseen classes", draw).shuffle(classes);
    const third = Math.floor(order.length / 3);
    const given = pickClasses(source, order.slice(0, third));
    const others = ofIndex(pickClasses(source, order.slice(third)));
    for (const space of spaces) {
      const isMapped = space !== "own" && space !== "lda";
      if (isMapped && !(await mapInto(space, given.index))) continue; // too few images
      const judged = space === "lda" ? await byLda(given, others) : await inSpace(space, given);
      const matches = await matchQueries(judged);
      scores[space].push({
        accepted: plain(matches, 0.01),
        auroc: auroc(knownScores(matches), matches.impostor),
      });
    }
  }
  for (const [space, all] of Object.entries(scores)) {
    if (all.length === 0) continue;
    const mean = (name) => all.reduce((sum, one) => sum + one[name], 0) / all.length;
    print({
      source: source.name,
      unseen: Math.floor(classes.length / 3),
      draws: DRAWS,
      space,
      acceptedAt1: mean("accepted"),
      auroc: mean("auroc"),
    });
  }
}

async function byLda(given, others) {
  const map = await fitLda(others.index, others.indexLabels);
  const index = reduceRows(given.index, map);
  return { ...given, index, queries: given.own ? index : reduceRows(given.queries, map) };
}

/** Returns the share that is right and accepted at the quantile of these very queries. */
function plain(matches, rate) {
  return ratesAt(matches, quantileOf(matches.impostor, rate)).trueAccept;
}

function quantileOf(scores, rate) {
  return quantile(Float64Array.from(scores).sort(), 1 - rate);
}

/**
 * Returns the images of the index as queries among each other.
 * @returns {import("guie/dist/verdict/matches.js").LabelledVectors}
 */
function ofIndex({ index, indexLabels }) {
  return { queries: index, queryLabels: indexLabels, index, indexLabels, own: "same" };
}

/**
 * Returns queries and rows of some classes.
 * @param {import("guie/dist/verdict/matches.js").LabelledVectors} source
 */
function pickClasses({ queries, queryLabels, index, indexLabels, own }, taken) {
  const wanted = new Set(taken);
  const rowsOf = (labels) => Array.from(labels, (_, row) => row).filter((row) => wanted.has(labels[row]));
  const rows = rowsOf(indexLabels);
  const picked = { index: pickRows(index, rows), indexLabels: rows.map((row) => indexLabels[row]) };
  if (own) return { ...picked, queries: picked.index, queryLabels: picked.indexLabels, own };
  const asked = rowsOf(queryLabels);
  return { ...picked, queries: pickRows(queries, asked), queryLabels: asked.map((row) => queryLabels[row]) };
}

/** Returns the matches of some classes' queries in the whole index. */
function part(matches, taken) {
  const wanted = new Set(taken);
  const rows = Array.from(matches.labels, (_, row) => row).filter((row) => wanted.has(matches.labels[row]));
  const pick = (values) => Float64Array.from(rows, (row) => values[row]);
  return {
    ...matches,
    labels: rows.map((row) => matches.labels[row]),
    mate: pick(matches.mate),
    impostor: pick(matches.impostor),
  };
}

function print(line) {
  const rounded = Object.entries(line).map(([name, value]) => [name, round(value)]);
  console.log(JSON.stringify({ bench: "verdict", ...Object.fromEntries(rounded) }));
}

function round(value) {
  if (Array.isArray(value)) return value.map(round);
  return typeof value === "number" ? Math.round(value * 10_000) / 10_000 : value;
}
