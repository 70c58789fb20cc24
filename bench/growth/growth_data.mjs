// The data of `npm run bench growth`: the demo's photos, tables and features, repeated.
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { UserError } from "guie/dist/common/errors.js";
import { preprocessedCsv } from "guie/dist/preprocessing/layout.js";
import { clusterFeatures } from "../shared/cluster_features.mjs";
import { CACHE, ROOT } from "../shared/paths.mjs";

/** Folder of all that these benchmarks make. */
export const HOME = join(CACHE, "growth");

/** The demo's data; another folder: GUIE_DEMO_DATA. */
const DEMO = resolve(ROOT, process.env.GUIE_DEMO_DATA ?? "data/demo");
/** Numbers of a feature that training reads: a small tower's. */
const LENGTH = 384;
/** The data set whose name the repeated table has. */
export const TABLE = { name: "rp2k", folder: "rp2k" };

/**
 * Makes a folder if it is missing, by a function that fills it.
 * @returns its path
 */
async function madeOnce(name, fill) {
  const folder = join(HOME, name);
  if (existsSync(folder)) return folder;
  const unfinished = `${folder}.part`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  await fill(unfinished);
  renameSync(unfinished, folder);
  return folder;
}

/** Lists the demo's preprocessed photos: their paths, and their classes by data set. */
function demoPhotos() {
  const folder = join(DEMO, "final_data_224");
  if (!existsSync(folder))
    throw new UserError(
      `Expected the demo's photos at ${folder}.`,
      "npm run demo (or name its data: GUIE_DEMO_DATA)",
    );
  const sets = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return sets.flatMap(({ name: set }) =>
    readdirSync(join(folder, set, "images"))
      .sort()
      .map((file) => ({
        path: join(folder, set, "images", file),
        file,
        className: `${set}_${file.split("+")[1]}`,
      })),
  );
}

/**
 * Returns a folder with the demo's photos `scale` times, a folder per class: each repeat is a class of its own, and its
 * photos are hard links to the first's.
 */
export function photosOf(scale) {
  return madeOnce(`photos_${scale}`, async (folder) => {
    const originals = scale === 1 ? undefined : await photosOf(1);
    for (const { path, file, className } of demoPhotos())
      for (let repeat = 0; repeat < scale; repeat++) {
        const place = join(folder, repeat === 0 ? className : `${className}_${repeat}`);
        mkdirSync(place, { recursive: true });
        if (originals) linkSync(join(originals, className, file), join(place, file));
        else copyFileSync(path, join(place, file));
      }
  });
}

/** Returns the number of the demo's photos. */
export function photoCount() {
  return demoPhotos().length;
}

/** Returns a data directory whose preprocessed table has the demo's rows `scale` times; each repeat has its own classes. */
export function tableOf(scale) {
  return madeOnce(`table_${scale}`, (dataDir) => {
    const photos = demoPhotos();
    const classes = new Map(
      [...new Set(photos.map(({ className }) => className))].map((name, i) => [name, i]),
    );
    const lines = ["image_files,labels"];
    for (let repeat = 0; repeat < scale; repeat++)
      for (const { file, className } of photos) {
        const label = classes.get(className) + repeat * classes.size;
        lines.push(`final_data_224/${TABLE.folder}/images/${repeat}+${label}+${file},${label}`);
      }
    const path = join(dataDir, preprocessedCsv(TABLE));
    mkdirSync(join(dataDir, "final_data_224"));
    writeFileSync(path, `${lines.join("\n")}\n`);
  });
}

/** Returns a folder with as many features as the demo has photos, `scale` times, with so many classes. */
export async function clustersOf(scale, classes) {
  const folder = join(HOME, `clusters_${scale}_${classes}`);
  await clusterFeatures(folder, { rows: scale * photoCount(), length: LENGTH, classes });
  return folder;
}

/** Returns the number of the demo's classes. */
export function classCount() {
  return new Set(demoPhotos().map(({ className }) => className)).size;
}

/** Returns one of the photos, as bytes. */
export async function onePhoto() {
  const folder = await photosOf(1);
  const [className] = readdirSync(folder).sort();
  const [file] = readdirSync(join(folder, className)).sort();
  return readFileSync(join(folder, className, file));
}
