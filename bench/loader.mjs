// `npm run bench loader`: 224x224 JPEGs from disk to augmented, normalised batches of 32, against a PyTorch DataLoader.
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { randomStream } from "guie/dist/common/random.js";
import sharp from "sharp";
import { alternate, startContestant } from "./contestant.mjs";
import { findPython, row } from "./report.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const SIDE_PX = 224;
const IMAGES = 256;

/** Measures images a second; an iteration is an epoch of 256 images. */
export async function bench() {
  const folder = join(here, `../.cache/bench/loader_${SIDE_PX}px_${IMAGES}`);
  if (!existsSync(folder)) await drawImages(folder);
  const python = findPython();
  const contestants = [await startContestant(process.execPath, [join(here, "loader_ours.mjs"), folder])];
  if (python) contestants.push(await startContestant(python, [join(here, "loader_torch.py"), folder]));
  const [oursMs, theirsMs] = await alternate(contestants, { warmUps: 2, rounds: 7 });
  const [peakMB, theirPeakMB] = await Promise.all(contestants.map((contestant) => contestant.end()));
  row({
    ...{ bench: "loader", case: "224 px, full augmentation", unit: "images/s", peakMB, theirPeakMB },
    peer: "torch 2.13 DataLoader, 2 workers, OpenCV, albumentations 2.0",
    ours: IMAGES / (oursMs / 1000),
    theirs: theirsMs && IMAGES / (theirsMs / 1000),
  });
}

/** Pictures with large shapes and fine grain, about 25 KB each as JPEGs of quality 95, as preprocessing leaves photos. */
async function drawImages(folder) {
  const unfinished = `${folder}.part`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  for (let number = 0; number < IMAGES; number++) {
    const random = randomStream(1, "bench loader", number);
    const shapes = await noise(random, 7, 0, 255);
    const grain = await noise(random, 112, 108, 148);
    const pixels = shapes.map((value, i) => Math.min(255, Math.max(0, value + grain[i] - 128)));
    const image = sharp(pixels, { raw: { width: SIDE_PX, height: SIDE_PX, channels: 3 } });
    writeFileSync(join(unfinished, `${number}.jpg`), await image.jpeg({ quality: 95 }).toBuffer());
  }
  renameSync(unfinished, folder);
}

/** Random colours on a grid of `side` x `side`, enlarged. */
async function noise(random, side, low, high) {
  const grid = Uint8Array.from({ length: side * side * 3 }, () => random.integer(low, high));
  const image = sharp(grid, { raw: { width: side, height: side, channels: 3 } });
  return image.resize(SIDE_PX, SIDE_PX, { kernel: "cubic" }).raw().toBuffer();
}
