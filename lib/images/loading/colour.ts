// Changes of colour with OpenCV's integers: grey, saturation and hue. uint8 [H, W, 3] in and out.
import type { RgbImage } from "../pixels/rgb_image";

/** OpenCV's weights of red, green and blue in grey, of 2^15. */
const [RED, GREEN, BLUE] = [9798, 19235, 3735];
const GREY_BITS = 15;
/** OpenCV's hue has 180 steps. */
const HUE_STEPS = 180;
/** Fraction bits of OpenCV's divisions in RGB to HSV. */
const DIVISION_BITS = 12;
const DIVISION_HALF = 1 << (DIVISION_BITS - 1);
/** 255 / v and 180 / 6d, of 2^12. */
const SATURATIONS = Int32Array.from({ length: 256 }, (_, v) => v && Math.round((255 << DIVISION_BITS) / v));
const HUES = Int32Array.from(
  { length: 256 },
  (_, d) => d && Math.round((HUE_STEPS << DIVISION_BITS) / (6 * d)),
);
/** Places of red, green and blue among v, p, q and t of `rgbOfHsv`, by sixth of the colour circle. */
const SECTORS = [
  [0, 3, 1],
  [2, 0, 1],
  [1, 0, 3],
  [1, 2, 0],
  [3, 1, 0],
  [0, 1, 2],
] as const;

function greyOf(red: number, green: number, blue: number): number {
  return (RED! * red + GREEN! * green + BLUE! * blue + (1 << (GREY_BITS - 1))) >> GREY_BITS;
}

/** Computes albumentations' ToGray: OpenCV's grey in all three channels. */
export function grey(image: RgbImage): RgbImage {
  return eachPixel(image, (red, green, blue, write) => {
    const value = greyOf(red, green, blue);
    write(value, value, value);
  });
}

/**
 * Computes the saturation and hue of albumentations' and torchvision's ColorJitter, in this order. Hue has OpenCV's steps
 * of 2 degrees.
 * @param change.saturation factor: 0 for grey, 1 for none
 * @param change.hue turns of the colour circle, -0.5 to 0.5
 */
export function jitterColour(
  image: RgbImage,
  { saturation, hue }: { saturation: number; hue: number },
): RgbImage {
  const saturated = saturation === 1 ? image : saturate(image, saturation);
  return hue === 0 ? saturated : turnHue(saturated, hue);
}

function saturate(image: RgbImage, factor: number): RgbImage {
  return eachPixel(image, (red, green, blue, write) => {
    const rest = (1 - factor) * greyOf(red, green, blue);
    write(byte(factor * red + rest), byte(factor * green + rest), byte(factor * blue + rest));
  });
}

function turnHue(image: RgbImage, turns: number): RgbImage {
  const turned = Uint8Array.from({ length: HUE_STEPS }, (_, hue) => {
    const steps = hue + HUE_STEPS * turns;
    return steps - HUE_STEPS * Math.floor(steps / HUE_STEPS);
  });
  return eachPixel(image, (red, green, blue, write) => {
    const value = Math.max(red, green, blue);
    const difference = value - Math.min(red, green, blue);
    const saturation = (difference * SATURATIONS[value]! + DIVISION_HALF) >> DIVISION_BITS;
    const sixth =
      value === red
        ? green - blue
        : value === green
          ? blue - red + 2 * difference
          : red - green + 4 * difference;
    const hue = (sixth * HUES[difference]! + DIVISION_HALF) >> DIVISION_BITS;
    const [r, g, b] = rgbOfHsv(turned[hue < 0 ? hue + HUE_STEPS : hue]!, saturation / 255, value);
    write(byte(r), byte(g), byte(b));
  });
}

/** @param hue 0..179 @param saturation 0..1 @param value 0..255 */
function rgbOfHsv(hue: number, saturation: number, value: number): [number, number, number] {
  const position = (6 * hue) / HUE_STEPS;
  const sector = Math.floor(position);
  const share = position - sector;
  const parts = [
    value,
    value * (1 - saturation),
    value * (1 - saturation * share),
    value * (1 - saturation * (1 - share)),
  ];
  const [red, green, blue] = SECTORS[sector % SECTORS.length]!;
  return [parts[red]!, parts[green]!, parts[blue]!];
}

/** Rounds to a byte, ties to even as OpenCV. */
function byte(value: number): number {
  const floor = Math.floor(value);
  const rounded = value - floor === 0.5 ? floor + (floor & 1) : Math.round(value);
  return Math.min(255, Math.max(0, rounded));
}

type Write = (red: number, green: number, blue: number) => void;

function eachPixel(
  image: RgbImage,
  change: (red: number, green: number, blue: number, write: Write) => void,
): RgbImage {
  const { data: from } = image;
  const data = new Uint8Array(from.length);
  let place = 0;
  const write: Write = (red, green, blue) => {
    data[place] = red;
    data[place + 1] = green;
    data[place + 2] = blue;
  };
  for (; place < from.length; place += 3) change(from[place]!, from[place + 1]!, from[place + 2]!, write);
  return { ...image, data };
}
