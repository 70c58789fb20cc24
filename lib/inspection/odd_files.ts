// Odd photos: tiny, huge, of one colour, much longer than wide.
import type { PhotoLook } from "./photo_looks";

/** A file that is broken or odd. */
export interface OddFile {
  image: string;
  /** The fault, for people: "truncated or corrupt jpeg", "tiny: 20 x 30 px". */
  reason: string;
  /** True for a file that is left out by itself: it is no image, or cannot be read. */
  isLeftOut: boolean;
}

/** A shorter side below this is tiny: models see 112 px and more. */
const TINY_PX = 50;
const HUGE_PIXELS = 60_000_000;
const LONG = 4;
/** Grey values that differ less than this from the mean everywhere make a picture of one colour. */
const ONE_COLOUR = 6;

/** Returns the reasons why a photo is odd; undefined for an ordinary one. */
export function oddness({ grey, widthPx, heightPx }: PhotoLook): string | undefined {
  const size = `${widthPx} x ${heightPx} px`;
  const [shorter, longer] = [Math.min(widthPx, heightPx), Math.max(widthPx, heightPx)];
  const reasons = [
    ...(shorter < TINY_PX ? [`tiny: ${size}`] : []),
    ...(widthPx * heightPx > HUGE_PIXELS ? [`huge: ${size}`] : []),
    ...(longer > LONG * shorter ? [`more than ${LONG} times as long as wide: ${size}`] : []),
    ...(isOfOneColour(grey) ? ["of one colour"] : []),
  ];
  return reasons.length === 0 ? undefined : reasons.join("; ");
}

/** Returns whether grey values are alike everywhere. */
export function isOfOneColour(grey: Float32Array): boolean {
  const mean = grey.reduce((sum, value) => sum + value, 0) / grey.length;
  return grey.every((value) => Math.abs(value - mean) < ONE_COLOUR);
}
