// `npm run bench resize`: preprocesses photos, against the original's own loop (OpenCV, one thread).
// The photos are the Grocery Store data set's (GUIE_GROCERY names its folder) and mosaics of them.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { chosenCases } from "../shared/cases.mjs";
import { contest } from "../shared/contest.mjs";
import { CACHE, ROOT } from "../shared/paths.mjs";
import { findPython } from "../shared/report.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const WORK = join(CACHE, "resize");
const GROCERY = resolve(ROOT, process.env.GUIE_GROCERY ?? "../shared/data/GroceryStoreDataset");
const OPENCV = "opencv 5.0 imread, resize, imwrite, one thread";

/** A mosaic: TILES x TILES photos of 348 px. */
const TILES = 4;
const TILE_PX = 348;
const MOSAICS = 300;
const MOSAIC_QUALITY = 90;

/** Maximum mean of |ours - theirs| over the pixels of the written JPEGs, of 255, that counts as exact. */
const EXACT = 0.1;
const COMPARED = 200;

export const CASES = [
  { name: "photos 348 px", photos: groceryPhotos, decoding: "full", rounds: 5 },
  { name: "photos 1392 px", photos: mosaics, decoding: "full", rounds: 5 },
  { name: "photos 1392 px, decoded at reduced size", photos: mosaics, decoding: "reduced", rounds: 3 },
].map((spec) => ({ ...spec, peers: [OPENCV] }));

/** Runs the cases with `word` in their name; one row each. */
export async function bench(word = "") {
  if (!existsSync(join(GROCERY, "dataset"))) {
    console.error(`bench: no Grocery Store photos at ${GROCERY}; GUIE_GROCERY names their folder`);
    return;
  }
  const python = findPython("cv2");
  // Deleted only at the end: after many deletions, ext4 creates files slowly for minutes.
  try {
    for (const [i, spec] of chosenCases(CASES, word).entries())
      await runCase(spec, join(WORK, `${Date.now()}_${i}`), python);
  } finally {
    rmSync(WORK, { recursive: true, force: true });
  }
}

async function runCase({ name, photos, decoding, rounds }, work, python) {
  const { folder, files } = await photos();
  mkdirSync(work, { recursive: true });
  const list = join(work, "photos.json");
  writeFileSync(list, JSON.stringify({ folder, files, decoding, work }));
  await contest({
    bench: "resize",
    name,
    unit: "images/s",
    rate: (ms) => (1000 * files.length) / ms,
    ours: [process.execPath, [join(here, "resize_ours.mjs"), list]],
    peers: { [OPENCV]: python && [python, [join(here, "resize_opencv.py"), list]] },
    warmUps: 1,
    rounds,
    more: async ({ theirsMs }) => {
      if (theirsMs) await compare(work, files, decoding);
      return {};
    },
  });
  console.error(
    `load ${loadavg()
      .map((load) => load.toFixed(1))
      .join(" ")}`,
  );
}

/** Returns the 5,421 photos of the data set's own lists. */
function groceryPhotos() {
  const folder = join(GROCERY, "dataset");
  const lists = ["train", "val", "test"].map((split) => readFileSync(join(folder, `${split}.txt`), "utf8"));
  return {
    folder,
    files: lists.flatMap((text) => text.trim().split("\n")).map((line) => line.split(",")[0]),
  };
}

/** Returns mosaics of 1,392 px; makes missing ones. */
async function mosaics() {
  const folder = join(CACHE, "mosaics");
  const { folder: source, files: photos } = groceryPhotos();
  mkdirSync(folder, { recursive: true });
  const files = Array.from({ length: MOSAICS }, (_, i) => `${i}.jpg`);
  for (const [i, file] of files.entries()) {
    if (existsSync(join(folder, file))) continue;
    const tiles = Array.from(
      { length: TILES ** 2 },
      (_, tile) => photos[(i * TILES ** 2 + tile) % photos.length],
    );
    await (await mosaic(tiles.map((tile) => join(source, tile)))).toFile(join(folder, file));
  }
  return { folder, files };
}

async function mosaic(paths) {
  const inputs = paths.map(async (path, tile) => ({
    input: await sharp(path).resize(TILE_PX, TILE_PX, { fit: "fill" }).toBuffer(),
    left: TILE_PX * (tile % TILES),
    top: TILE_PX * Math.floor(tile / TILES),
  }));
  const side = TILES * TILE_PX;
  const canvas = sharp({ create: { width: side, height: side, channels: 3, background: "black" } });
  return canvas.composite(await Promise.all(inputs)).jpeg({ quality: MOSAIC_QUALITY });
}

/** Prints the mean difference of the written pixels; throws if full decoding is not exact. */
async function compare(work, files, decoding) {
  const step = Math.max(1, Math.floor(files.length / COMPARED));
  const table = readFileSync(join(work, "ours/0/final_data_224/photos_final_224.csv"), "utf8");
  const made = table.split("\n").slice(1);
  let sum = 0;
  let count = 0;
  for (let i = 0; i < files.length; i += step) {
    const paths = [join(work, "ours/0", made[i].split(",")[0]), join(work, "theirs/0", `${i}.jpg`)];
    const [ours, theirs] = await Promise.all(paths.map((path) => sharp(path).raw().toBuffer()));
    for (let j = 0; j < ours.length; j++) sum += Math.abs(ours[j] - theirs[j]);
    count += ours.length;
  }
  const difference = sum / count;
  console.error(`written pixels differ by ${difference.toFixed(4)} of 255 on average`);
  if (decoding === "full" && !(difference <= EXACT))
    throw new Error(`the pixels are not OpenCV's: ${difference}`);
}
