// Draws the images for the benchmarks of loader and training.
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomStream } from "guie/dist/common/random.js";
import sharp from "sharp";
import { CACHE } from "./paths.mjs";

const SIDE_PX = 224;

/** Number of images. */
export const IMAGES = 256;

/** Returns the folder of so many images; draws them at the first call. */
export async function imageFolder(count = IMAGES) {
  const folder = join(CACHE, `loader_${SIDE_PX}px_${count}`);
  if (!existsSync(folder)) await drawImages(folder, count);
  return folder;
}

/** Draws pictures with large shapes and fine grain, like preprocessed photos: JPEGs of quality 95, about 25 KB each. */
async function drawImages(folder, count) {
  const unfinished = `${folder}.part`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  for (let number = 0; number < count; number++) {
    const random = randomStream(1, "bench loader", number);
    const shapes = await noise(random, 7, 0, 255);
    const grain = await noise(random, 112, 108, 148);
    const pixels = shapes.map((value, i) => Math.min(255, Math.max(0, value + grain[i] - 128)));
    const image = sharp(pixels, { raw: { width: SIDE_PX, height: SIDE_PX, channels: 3 } });
    writeFileSync(join(unfinished, `${number}.jpg`), await image.jpeg({ quality: 95 }).toBuffer());
  }
  renameSync(unfinished, folder);
}

/** Returns random colours on a grid of `side` x `side`, enlarged. */
async function noise(random, side, low, high) {
  const grid = Uint8Array.from({ length: side * side * 3 }, () => random.integer(low, high));
  const image = sharp(grid, { raw: { width: side, height: side, channels: 3 } });
  return image.resize(SIDE_PX, SIDE_PX, { kernel: "cubic" }).raw().toBuffer();
}
