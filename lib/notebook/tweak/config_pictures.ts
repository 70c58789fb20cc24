// Four training images as a config's first epoch sees them.
import { existsSync } from "node:fs";
import { randomStream } from "../../common/random";
import { augmentationRows } from "../../config/augmentation";
import { tablePath } from "../../config/paths";
import { drawAugmentPlan } from "../../images/loading/augment_plan";
import { loadImages } from "../../images/loading/loader";
import type { RgbImage } from "../../images/pixels/rgb_image";
import { readRunData } from "../../training/data/read_run_data";
import type { Drawing } from "../output/drawing";
import { imageGrid } from "../output/images";
import type { Config } from "./moved_settings";

const PICTURES = 4;
const PICTURE_PX = 112;
/** Each image size has its own threads; starting one takes a tenth of a second, and loading four pictures less. */
const THREADS = 1;

/** Returns the settings that change the pictures, as a key. */
export function pictureKey(config: Config): string {
  const { stage, dataDir, csv, fold, holdOutShare, imageSize, resizeMode, seed, augmentation } = config;
  return JSON.stringify([stage, dataDir, csv, fold, holdOutShare, imageSize, resizeMode, seed, augmentation]);
}

/** Returns a function that draws the pictures of configs; it keeps the images that it has loaded. */
export function picturesOfConfigs(): (config: Config) => Promise<Drawing | undefined> {
  const rowsOf = remember(rowsKey, readRows);
  const imagesOf = remember(pictureKey, async (config): Promise<RgbImage[]> => {
    const rows = await rowsOf(config);
    const files = rows.map(({ file }) => file);
    const recipe = augmentationRows(config.stage === "frozen" ? "none" : config.augmentation);
    const plans = rows.map(({ row }) =>
      drawAugmentPlan(randomStream(config.seed, "augment", 1, row), recipe, config.imageSize),
    );
    return loadImages(config.dataDir, files, config.imageSize, THREADS, { ...config, plans });
  });
  return async (config) => {
    if (config.features || !existsSync(tablePath(config))) return undefined;
    const images = await imagesOf(config);
    const items = images.map((image) => ({ image }));
    const title =
      config.stage === "frozen"
        ? `What the backbone sees, ${config.imageSize} px: the frozen stage does not augment`
        : `What epoch 1 sees, ${config.imageSize} px, seed ${config.seed}`;
    return imageGrid(items, { columns: PICTURES, sizePx: PICTURE_PX, title });
  };
}

/** Returns the settings that change the training rows; the seed counts only where it chooses classes to hold out. */
function rowsKey({ dataDir, csv, fold, holdOutShare, seed }: Config): unknown[] {
  return [dataDir, csv, fold, holdOutShare, holdOutShare > 0 ? seed : 0];
}

async function readRows(config: Config): Promise<{ file: string; row: number }[]> {
  const { train } = await readRunData(config);
  const stride = Math.max(1, Math.floor(train.files.length / PICTURES));
  return Array.from({ length: Math.min(PICTURES, train.files.length) }, (_, i) => ({
    file: train.files.at(i * stride)!,
    row: i * stride,
  }));
}

/** Returns `read` with its last results kept by key. */
function remember<T>(
  keyOf: (config: Config) => unknown,
  read: (config: Config) => Promise<T>,
): (config: Config) => Promise<T> {
  const kept = new Map<string, Promise<T>>();
  return (config) => {
    const key = JSON.stringify(keyOf(config));
    const found = kept.get(key) ?? read(config);
    kept.set(key, found);
    found.catch(() => kept.delete(key));
    return found;
  };
}
