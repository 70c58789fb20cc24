// Views of an image that are embedded: the whole image, its mirror image, crops. Their features are averaged.

import { keysOf } from "../../common/typed_keys";
import { cropRectangle } from "../pixels/crop";
import type { RgbImage } from "../pixels/rgb_image";
import { augmentInto } from "./augment";
import type { AugmentStep } from "./augment_plan";
import type { Values, ValueTable } from "./value_table";

/**
 * Kind of views. `whole`: the image squashed to the model's square; `mirror`: also its mirror image, as the original's
 * author evaluated; `crops`: four corners and the centre of the image at 8/7 of that size, 256 px for 224;
 * `mirrored_crops`: also the mirror images of the crops.
 */
export type Views = "whole" | "mirror" | "crops" | "mirrored_crops";

const KINDS: Record<Views, { crops: boolean; mirrored: boolean }> = {
  whole: { crops: false, mirrored: false },
  mirror: { crops: false, mirrored: true },
  crops: { crops: true, mirrored: false },
  mirrored_crops: { crops: true, mirrored: true },
};

/** Names of all kinds of views. */
export const VIEWS = keysOf(KINDS);

/** Side of the image that is cut into crops, as a multiple of a crop's side. */
const CROPPED_SCALE = 8 / 7;

/** A square part of an image, and its changes. */
export interface ImagePart {
  /** Left edge in px of the image, like `top`. */
  left: number;
  top: number;
  steps: readonly AugmentStep[];
}

/** Returns the part that is the whole image, changed by steps. */
export function wholeImage(steps: readonly AugmentStep[] = []): ImagePart {
  return { left: 0, top: 0, steps };
}

/** Plan to make the views of an image. */
export interface ViewPlan {
  /** Side of a view, S. */
  imageSizePx: number;
  /** Side of the square that the image becomes first. */
  decodedSizePx: number;
  parts: readonly ImagePart[];
}

/** Plans a kind of views, each `imageSizePx` x `imageSizePx`; each mirror image follows its original. */
export function planViews(views: Views, imageSizePx: number): ViewPlan {
  const { crops, mirrored } = KINDS[views];
  const decodedSizePx = crops ? Math.round(imageSizePx * CROPPED_SCALE) : imageSizePx;
  const parts = crops ? fiveCrops(decodedSizePx - imageSizePx) : [wholeImage()];
  const withMirror = (part: ImagePart) => [
    part,
    { ...part, steps: [{ kind: "flip" }] satisfies AugmentStep[] },
  ];
  return { imageSizePx, decodedSizePx, parts: mirrored ? parts.flatMap(withMirror) : parts };
}

/**
 * Writes the parts of an image, one after the other, each with its steps applied.
 * @param table maps a pixel's value to the value that is written
 * @param result [V, S, S, 3] from `offset` on
 */
export function writeParts<V extends Values>(
  image: RgbImage,
  { parts, imageSizePx }: Pick<ViewPlan, "parts" | "imageSizePx">,
  table: ValueTable<V>,
  result: V,
  offset = 0,
): void {
  const valuesPerPart = 3 * imageSizePx ** 2;
  const side = { width: imageSizePx, height: imageSizePx };
  for (const [i, { left, top, steps }] of parts.entries())
    augmentInto(
      cropRectangle(image, { left, top, ...side }),
      steps,
      table,
      result,
      offset + i * valuesPerPart,
    );
}

/** Returns the corners from the top left, then the centre. PyTorch: `FiveCrop`. @param far offset of the far corner */
function fiveCrops(far: number): ImagePart[] {
  const places = [
    [0, 0],
    [far, 0],
    [0, far],
    [far, far],
    [Math.round(far / 2), Math.round(far / 2)],
  ] as const;
  return places.map(([left, top]) => ({ left, top, steps: [] }));
}
