// `npm run bench inspect`: plants errors into photos in class folders, and counts what `guie inspect` finds of them.
//   BENCH_PHOTOS=FOLDER    photos in class folders; default: the preprocessed photos of the demo
//   BENCH_FEATURES=FOLDER  their features by `guie embed FOLDER --out FEATURES`, for labels and classes only
// Results are for the classes that are not in `DEVELOPED_ON`, and for all; five draws each: mean, least, largest.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { joinRows, listRows, pickRows } from "guie/dist/common/vectors.js";
import { preset } from "guie/dist/config/presets.js";
import { findModel, openModel } from "guie/dist/embedding/find_model.js";
import { openFeatures } from "guie/dist/features/feature_files.js";
import { decodeRgb } from "guie/dist/images/decode.js";
import { readMergedPhotos, readPhotos } from "guie/dist/inspection/inspected_photos.js";
import { lookOf, photoLooks, prepareLooks } from "guie/dist/inspection/photo_looks.js";
import { photoVectors } from "guie/dist/inspection/photo_vectors.js";
import { findTwins } from "guie/dist/inspection/twins.js";
import { centredUnit, whitenedUnit } from "guie/dist/inspection/unit_vectors.js";
import { findSplitClasses } from "guie/dist/inspection/unlike.js";
import { findWrongLabels, LEAST_CHANCE } from "guie/dist/inspection/wrong_labels.js";
import { row as reportRow } from "../shared/report.mjs";
import { COPIES, changeClasses, DEVELOPED_ON, flipLabels, writeCopies } from "./inspect_plants.mjs";

const DRAWS = [101, 102, 103, 104, 105];
const DEMO = "data/demo";

/** Runs the parts with `word` in their name: labels, classes, twins. */
export async function bench(word = "") {
  const source = process.env.BENCH_PHOTOS;
  const photos = source ? await readPhotos({ source: resolve(source) }) : await demoPhotos();
  const { BENCH_FEATURES: features } = process.env;
  const list = { folder: photos.folder, rows: { files: photos.files } };
  const vectors = features
    ? await featuresOf(photos, openFeatures(resolve(features)))
    : embedded(photos, await photoVectors(undefined, list, {}));
  const isNew = ({ classes }, i) => !DEVELOPED_ON.includes(classes[i]);
  const rows = vectors.files.map((_, i) => i);
  const unseen = rows.filter((i) => isNew(vectors, i));
  const parts = { labels, classes: classFaults, twins };
  for (const [set, chosen] of Object.entries({ "other classes": unseen, "all classes": rows })) {
    if (set === "all classes" && unseen.length === rows.length) continue;
    const part = pickPhotos(vectors, chosen);
    for (const [name, run] of Object.entries(parts)) if (name.includes(word)) await run(set, part);
  }
}

/** Takes the demo's photos that take part in training: its held-out classes have other photos. */
async function demoPhotos() {
  const { folder, files, classes } = await readMergedPhotos(resolve(DEMO));
  const at = files.flatMap((_, i) => (classes[i].startsWith("held out") ? [] : [i]));
  return { folder, files: at.map((i) => files[i]), classes: at.map((i) => classes[i]) };
}

function embedded({ folder, classes }, { files, places, vectors }) {
  return { folder, files, classes: places.map((place) => classes[place]), vectors };
}

async function featuresOf({ folder, files, classes }, features) {
  const names = (await features.readRows()).files;
  const at = new Map(Array.from({ length: features.count }, (_, i) => [names.at(i), i]));
  const known = files.flatMap((file, i) => (at.has(file) ? [i] : []));
  return {
    folder,
    files: known.map((i) => files[i]),
    classes: known.map((i) => classes[i]),
    vectors: pickRows(
      features.readAll(),
      known.map((i) => at.get(files[i])),
    ),
  };
}

function pickPhotos({ folder, files, classes, vectors }, rows) {
  const names = [...new Set(rows.map((i) => classes[i]))].sort();
  return {
    folder,
    files: rows.map((i) => files[i]),
    labels: rows.map((i) => names.indexOf(classes[i])),
    classes: names.length,
    vectors: pickRows(vectors, rows),
  };
}

/** Lists for each class the nearest other class of each of its photos. */
async function confusedClasses({ vectors, labels, classes }) {
  const { labels: found } = await findWrongLabels(centredUnit(vectors), labels, classes);
  const confused = Array.from({ length: classes }, () => []);
  for (const { label, nearest } of found) confused[label].push(nearest);
  return confused;
}

const KINDS = [
  { name: "5 % of any class", share: 0.05 },
  { name: "5 % of a confused class", share: 0.05, isConfused: true },
  { name: "30 % of any class", share: 0.3 },
];

async function labels(set, photos) {
  const unit = await whitenedUnit(photos.vectors);
  const confused = await confusedClasses(photos);
  for (const { name, share, isConfused } of KINDS) {
    const draws = [];
    for (const seed of DRAWS) {
      const plan = { share, seed, confused: isConfused ? confused : undefined };
      const { given, wrong } = flipLabels(photos.labels, photos.classes, plan);
      const { labels: found, share: estimate } = await findWrongLabels(unit, given, photos.classes);
      draws.push({ ...scores(found, wrong), estimate });
    }
    report(`labels, ${set}, ${name}`, draws, "AP");
  }
}

/** Scores labels in the order of their chance to be wrong. */
function scores(found, wrong) {
  let [hits, precisions, recallAt80, area] = [0, 0, 0, 0];
  for (const [i, { row }] of found.entries()) {
    if (!wrong.has(row)) {
      area += hits;
      continue;
    }
    hits++;
    precisions += hits / (i + 1);
    if (hits / (i + 1) >= 0.8) recallAt80 = hits / wrong.size;
  }
  const listed = found.filter(({ chance }) => chance >= LEAST_CHANCE);
  const right = listed.filter(({ row }) => wrong.has(row)).length;
  return {
    AP: precisions / wrong.size,
    recallAtPrecision80: recallAt80,
    AUROC: area / (wrong.size * (found.length - hits)),
    cutPrecision: right / listed.length,
    cutRecall: right / wrong.size,
  };
}

async function classFaults(set, photos) {
  const confused = await confusedClasses(photos);
  const [unit, plain] = [await whitenedUnit(photos.vectors), centredUnit(photos.vectors)];
  const draws = [];
  for (const seed of DRAWS) {
    const { given, classes, split, merged } = changeClasses(photos.labels, photos.classes, {
      seed,
      confused,
    });
    const { same } = await findWrongLabels(unit, given, classes);
    const right = same.filter(({ a, b }) => split.some(([x, y]) => x === a && y === b)).length;
    const listed = findSplitClasses(plain, given, classes).map(({ label }) => label);
    const inList = merged.map((c) => Number(listed.includes(c)));
    draws.push({
      onePrecision: right / Math.max(1, same.length),
      oneRecall: right / split.length,
      twoAnyListed: inList[0],
      twoConfusedListed: inList[1],
    });
  }
  report(`classes, ${set}`, draws, "oneRecall");
}

const SHARE_OF_COPIES = 0.03;

async function twins(set, photos) {
  const embedder = openModel(await findModel(undefined, preset("demo", "frozen")));
  const paths = photos.files.map((file) => join(photos.folder, file));
  const looks = await looksOf(photos.folder, photos.files);
  const draws = [];
  for (const seed of DRAWS) {
    const folder = mkdtempSync(join(tmpdir(), "guie-bench-copies-"));
    try {
      const plan = { share: SHARE_OF_COPIES, seed, readPixels: decodeRgb };
      const copies = await writeCopies(folder, paths, plan);
      const files = copies.map(({ file }) => file);
      const added = await embedder.embedFiles(folder, files);
      const all = joinRows([photos.vectors, added], added.length);
      const prepared = prepareLooks([...looks, ...(await looksOf(folder, files))]);
      draws.push(twinScores(await findTwins(await whitenedUnit(all), prepared), copies, paths.length));
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  embedder.dispose();
  report(`twins, ${set}`, draws, "cleanFlagged");
}

async function looksOf(folder, files) {
  const looks = await photoLooks({ folder, rows: { files } }, {});
  const rows = listRows(looks.vectors);
  if (rows.length !== files.length) throw new Error("Expected photos that can all be read.");
  return rows.map(lookOf);
}

function twinScores(found, copies, clean) {
  const pairs = new Set(found.map(({ a, b }) => `${a} ${b}`));
  const isFound = copies.map(({ row }, i) => pairs.has(`${row} ${clean + i}`));
  const shares = Object.keys(COPIES).map((way) => {
    const ofWay = isFound.filter((_, i) => copies[i].way === way);
    return [way, ofWay.filter(Boolean).length / ofWay.length];
  });
  const copied = new Set(copies.map(({ row }) => row));
  const flagged = new Set(found.filter(({ b }) => b < clean).flatMap(({ a, b }) => [a, b]));
  const others = [...flagged].filter((row) => !copied.has(row)).length;
  return { cleanFlagged: others / (clean - copied.size), ...Object.fromEntries(shares) };
}

/** Reports the mean of five draws, with the least and the largest. */
function report(name, draws, first) {
  const more = {};
  for (const key of Object.keys(draws[0])) {
    const values = draws.map((draw) => draw[key]);
    more[key] = values.reduce((sum, value) => sum + value, 0) / values.length;
    more[`${key} least`] = Math.min(...values);
    more[`${key} most`] = Math.max(...values);
  }
  const peakMB = Math.round(process.resourceUsage().maxRSS / 1024);
  reportRow({ bench: "inspect", case: name, ours: more[first], unit: first, peer: null, peakMB, more });
}
