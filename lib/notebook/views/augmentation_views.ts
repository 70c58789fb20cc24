// Views of the training augmentation: as in training, and each part alone.
import { randomStream } from "../../common/random";
import type { ShownImageSettings } from "../../config/parts";
import { augment } from "../../images/loading/augment";
import {
  AUGMENT_LIMITS,
  type AugmentPlan,
  drawAugmentPlan,
  IDENTITY_PLAN,
} from "../../images/loading/augment_plan";
import { loadImages } from "../../images/loading/loader";
import { readRunData } from "../../training/data/read_run_data";
import type { Drawing } from "../output/drawing";
import { imageGrid } from "../output/images";

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
  const rows = Array.from({ length: images }, (_, i) => i * stride);
  const files = rows.map((row) => train.files.at(row)!);
  const loaded = await loadImages(config.dataDir, files, config.imageSize, config.numWorkers);
  const items = loaded.flatMap((image, i) => {
    const epochs = Array.from({ length: columns - 1 }, (_, place) => place + 1);
    const drawn = epochs.map((epoch) => ({
      image: augment(
        image,
        drawAugmentPlan(randomStream(config.seed, "augment", epoch, rows[i]!), config.imageSize),
      ),
      caption: `epoch ${epoch}`,
    }));
    return [{ image, caption: "as it is" }, ...drawn];
  });
  return imageGrid(items, { columns });
}

const { brightness, contrast, scale, rotationDegrees, cutoutSide } = AUGMENT_LIMITS;

/** Picture size, wide enough for the captions. */
const RANGE_PX = 108;

/** Maps a place in a part's range, 0..1, to an augmentation plan and its value as text. */
type Part = (place: number) => { plan: Partial<AugmentPlan>; value: string };

const between = (low: number, high: number, place: number) => low + (high - low) * place;
/** Formats a number with its sign: "-0.1", "+0.1". */
const signed = (value: number, digits = 2) => `${value > 0 ? "+" : ""}${Number(value.toFixed(digits))}`;

const PARTS: Record<string, Part> = {
  brightness: (place) => {
    const value = between(-brightness, brightness, place);
    return { plan: { brightness: value }, value: signed(value) };
  },
  contrast: (place) => {
    const value = between(1 - contrast, 1 + contrast, place);
    return { plan: { contrast: value }, value: `x ${Number(value.toFixed(2))}` };
  },
  scale: (place) => {
    const value = between(1 - scale, 1 + scale, place);
    return { plan: { scale: value }, value: `x ${Number(value.toFixed(2))}` };
  },
  rotation: (place) => {
    const value = between(-rotationDegrees, rotationDegrees, place);
    return { plan: { rotationDegrees: value }, value: `${signed(value, 1)}°` };
  },
  "cut-out": (place) => {
    const side = between(...cutoutSide, place);
    const cutout = { width: side, height: side, left: 0.15, top: between(0.15, 0.7, place) };
    return { plan: { cutout }, value: `${Math.round(100 * side)} %` };
  },
};

/**
 * Shows one training image with each part of the augmentation alone: one row per part, from one end of its range to
 * the other.
 * @param row the training image's row (default: the first)
 * @example
 * show(await augmentationRanges(config));
 */
export async function augmentationRanges(
  config: ShownImageSettings,
  { row = 0, columns = 7 } = {},
): Promise<Drawing> {
  const { train } = await readRunData(config);
  const file = train.files.at(row)!;
  const [image] = await loadImages(config.dataDir, [file], config.imageSize, config.numWorkers);
  const places = Array.from({ length: columns }, (_, column) => column / (columns - 1));
  const items = Object.entries(PARTS).flatMap(([name, part]) =>
    places.map((place) => {
      const { plan, value } = part(place);
      return { image: augment(image!, { ...IDENTITY_PLAN, ...plan }), caption: `${name} ${value}` };
    }),
  );
  return imageGrid(items, { columns, sizePx: RANGE_PX });
}
