// Views of the training augmentation: as in training, and each of its rows alone.
import { UserError } from "../../common/errors";
import { randomStream } from "../../common/random";
import { augmentationRows } from "../../config/augmentation";
import type { ShownImageSettings } from "../../config/parts";
import { type AugmentPlan, drawAugmentPlan, IDENTITY_PLAN } from "../../images/loading/augment_plan";
import { loadImages } from "../../images/loading/loader";
import { readRunData } from "../../training/data/read_run_data";
import type { Drawing } from "../output/drawing";
import { imageGrid } from "../output/images";
import { examplesOf } from "./augmentation_examples";

/**
 * Shows training images unchanged, then with exactly the pixels that the first epochs of this config will see.
 * @example
 * show(await augmentationGrid(config, 3, 6));
 */
export async function augmentationGrid(
  config: ShownImageSettings,
  images: number,
  columns: number,
): Promise<Drawing> {
  const { train } = await readRunData(config);
  const stride = Math.max(1, Math.floor(train.files.length / images));
  const recipe = augmentationRows(config.augmentation);
  const cells = Array.from({ length: images * columns }, (_, cell) => {
    const [row, epoch] = [Math.floor(cell / columns) * stride, cell % columns];
    const random = randomStream(config.seed, "augment", epoch, row);
    return {
      file: train.files.at(row)!,
      plan: epoch === 0 ? IDENTITY_PLAN : drawAugmentPlan(random, recipe, config.imageSize),
      caption: epoch === 0 ? "as it is" : `epoch ${epoch}`,
    };
  });
  return cellGrid(config, cells, { columns });
}

/** Picture size, wide enough for the captions. */
const RANGE_PX = 108;

/**
 * Shows one training image with each part of the config's augmentation alone: one row per part, from one end of its
 * range to the other.
 * @param row the training image's row (default: the first)
 * @throws UserError if the augmentation has no rows
 * @example
 * show(await augmentationRanges(config));
 */
export async function augmentationRanges(
  config: ShownImageSettings,
  { row = 0, columns = 7 } = {},
): Promise<Drawing> {
  const { train } = await readRunData(config);
  const file = train.files.at(row)!;
  const recipe = augmentationRows(config.augmentation);
  if (recipe.length === 0)
    throw new UserError("This config does not augment.", 'Set augmentation to "original", for example.');
  const places = Array.from({ length: columns }, (_, column) => column / (columns - 1));
  const cells = recipe.flatMap(examplesOf).flatMap(({ name, at }) =>
    places.map((place) => {
      const { value, ...plan } = at(place);
      return { file, plan: { ...IDENTITY_PLAN, ...plan }, caption: `${name} ${value}` };
    }),
  );
  return cellGrid(config, cells, { columns, sizePx: RANGE_PX });
}

/** A picture of a grid: an image, changed by a plan. */
interface Cell {
  file: string;
  plan: AugmentPlan;
  caption: string;
}

/** Loads the pictures as training does, and draws them. */
async function cellGrid(
  { dataDir, imageSize, resizeMode, numWorkers }: ShownImageSettings,
  cells: readonly Cell[],
  options: { columns: number; sizePx?: number },
): Promise<Drawing> {
  const files = cells.map(({ file }) => file);
  const plans = cells.map(({ plan }) => plan);
  const loaded = await loadImages(dataDir, files, imageSize, numWorkers, { resizeMode, plans });
  return imageGrid(
    loaded.map((image, i) => ({ image, caption: cells[i]!.caption })),
    options,
  );
}
