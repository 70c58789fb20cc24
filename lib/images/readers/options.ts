// Options of decoding: pixels as people see them, or as OpenCV reads them.
import { UserError } from "../../common/errors";

/**
 * What becomes of pixels that are not simply red, green and blue. "shown": as a person sees them, transparency over white,
 * CMYK by its profile. "opencv": as OpenCV's `imread` gives them, and so the original's: the colour that lies under
 * transparency, CMYK multiplied out.
 */
export const PIXEL_RULES = ["shown", "opencv"] as const;
export type PixelRule = (typeof PIXEL_RULES)[number];

/** How an image is decoded. */
export interface DecodeOptions {
  /** Larger images are refused. */
  maxPixels: number;
  pixels: PixelRule;
  /** After which libvips gives an image up; 0 for never. */
  maxSeconds: number;
}

/** @throws UserError for a word that is no rule: notebooks hand on texts */
export function assertPixelRule(pixels: string): asserts pixels is PixelRule {
  if (!(PIXEL_RULES as readonly string[]).includes(pixels))
    throw new UserError(
      `pixels must be one of ${PIXEL_RULES.join(", ")}; it is "${pixels}".`,
      "Set one of these.",
    );
}
