// Why an image is not used.
import { UserError } from "../../common/errors";

/** Why an image cannot be used, in words for a list of such images. */
export class ImageError extends UserError {}

/** 100 megapixels are 300 MB of RGB: more than any photo of the data sets, less than what ends a process. */
export const MAX_PIXELS = 100_000_000;

/** @throws ImageError for more pixels than are decoded: such files can exhaust the memory */
export function assertPixels(pixels: number, maxPixels = MAX_PIXELS): void {
  if (pixels > maxPixels) throw new ImageError(`more than ${maxPixels} pixels`);
}
