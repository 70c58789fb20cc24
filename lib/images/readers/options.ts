// Options of decoding: size limit, timeout, and pixels as people see them or as OpenCV reads them.
import { UserError } from "../../common/errors";

/**
 * Rules for pixels that are not plain red, green and blue. "shown": as a person sees them, transparency over white,
 * CMYK by its profile. "opencv": as OpenCV's `imread` returns them and the original used them, the colour under
 * transparency, CMYK multiplied out.
 */
export const PIXEL_RULES = ["shown", "opencv"] as const;

/** One of these rules. */
export type PixelRule = (typeof PIXEL_RULES)[number];

/** Options of decoding an image. */
export interface DecodeOptions {
  /** Largest number of pixels; larger images are refused. */
  maxPixels: number;
  pixels: PixelRule;
  /** Time after which libvips gives up on an image; 0 for never. */
  maxSeconds: number;
}

/** Checks a pixel rule, since notebooks pass plain strings. @throws UserError for an unknown rule */
export function assertPixelRule(pixels: string): asserts pixels is PixelRule {
  if (!(PIXEL_RULES as readonly string[]).includes(pixels))
    throw new UserError(
      `pixels must be one of ${PIXEL_RULES.join(", ")}; it is "${pixels}".`,
      "Set one of these.",
    );
}
