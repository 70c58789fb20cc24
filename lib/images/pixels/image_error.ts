// The error for images that cannot be used, and the limit of their size.
import { UserError } from "../../common/errors";

/** Reason why an image cannot be used, worded for a list of such images. */
export class ImageError extends UserError {}

/** Largest number of pixels: 300 MB of RGB, more than any photo of the data sets needs, and safe for a process. */
export const MAX_PIXELS = 100_000_000;

/** Checks the size of an image. @throws ImageError for more pixels: such files can exhaust the memory */
export function assertPixels(pixels: number, maxPixels = MAX_PIXELS): void {
  if (pixels > maxPixels) throw new ImageError(`more than ${maxPixels} pixels`);
}
