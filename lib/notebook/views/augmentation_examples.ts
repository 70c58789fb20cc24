// Examples of each row of the training augmentation, from one end of its range to the other.
import { percent } from "../../common/words";
import type { AugmentationRow } from "../../config/augmentation";
import type { AugmentPlan, AugmentStep, WarpStep } from "../../images/loading/augment_plan";

/** A part of a row, which changes an image by one number. */
export interface AugmentationExample {
  name: string;
  /** Returns the plan at a place in the part's range, 0..1, and the number there as text. */
  at(place: number): AugmentPlan & { value: string };
}

const between = (low: number, high: number, place: number) => low + (high - low) * place;
/** Formats a number with its sign: "-0.1", "+0.1". */
const signed = (value: number, digits = 2) => `${value > 0 ? "+" : ""}${Number(value.toFixed(digits))}`;
const times = (value: number) => `x ${Number(value.toFixed(2))}`;
/** Returns an example that changes an image by one step. */
function example(
  name: string,
  [low, high]: readonly [number, number],
  stepAt: (value: number, place: number) => AugmentStep,
  textOf: (value: number) => string,
): AugmentationExample {
  return {
    name,
    at: (place) => {
      const value = between(low, high, place);
      return { steps: [stepAt(value, place)], value: textOf(value) };
    },
  };
}

const around = (centre: number, limit: number) => [centre - limit, centre + limit] as const;

/** A warp that changes nothing. */
const STILL: WarpStep = { kind: "warp", scale: 1, rotationDegrees: 0, shiftX: 0, shiftY: 0 };

/** Returns the examples of a row: one for each of its numbers. */
export function examplesOf(row: AugmentationRow): AugmentationExample[] {
  switch (row.name) {
    case "HorizontalFlip":
      return [twoStates("flip", { kind: "flip" })];
    case "ToGray":
      return [twoStates("grey", { kind: "grey" })];
    case "RandomBrightnessContrast":
      return [
        example(
          "brightness",
          around(0, row.brightnessLimit),
          (brightness) => ({ kind: "tone", contrast: 1, brightness }),
          signed,
        ),
        example(
          "contrast",
          around(1, row.contrastLimit),
          (contrast) => ({ kind: "tone", contrast, brightness: 0 }),
          times,
        ),
      ];
    case "ShiftScaleRotate": {
      const shift = (share: number) => ({ ...STILL, shiftX: share, shiftY: share });
      return [
        ...(row.shiftLimit > 0 ? [example("shift", around(0, row.shiftLimit), shift, signed)] : []),
        example("scale", around(1, row.scaleLimit), (scale) => ({ ...STILL, scale }), times),
        example(
          "rotation",
          around(0, row.rotateLimit),
          (rotationDegrees) => ({ ...STILL, rotationDegrees }),
          (value) => `${signed(value, 1)}°`,
        ),
      ];
    }
    case "CoarseDropout": {
      const hole = (side: number, place: number): AugmentStep => ({
        kind: "cutout",
        width: side,
        height: side,
        left: between(0, 1 - side, 0.2),
        top: between(0, 1 - side, place),
      });
      return [example("cut-out", row.holeRange, hole, percent)];
    }
    case "ColorJitter":
      return [
        example(
          "saturation",
          around(1, row.saturation),
          (saturation) => ({ kind: "colour", saturation, hue: 0 }),
          times,
        ),
        example(
          "hue",
          around(0, row.hue),
          (hue) => ({ kind: "colour", saturation: 1, hue }),
          (value) => `${signed(360 * value, 0)}°`,
        ),
      ];
    case "GaussianBlur":
      return [
        example(
          "blur",
          row.sigma,
          (sigma) => ({ kind: "blur", sigma }),
          (value) => `${Number(value.toFixed(2))} px`,
        ),
      ];
    case "RandomResizedCrop": {
      const [smallest, largest] = row.scale;
      return [
        {
          name: "crop",
          at: (place) => {
            const area = between(smallest, largest, place);
            const tries = [{ area, ratio: 1, x: 0.5, y: 0.5 }];
            return { steps: [], crop: { tries, ratios: row.ratio }, value: percent(area) };
          },
        },
      ];
    }
  }
}

/** Returns an example of a change that has no number: without it in the first half of the places, with it in the second. */
function twoStates(name: string, step: AugmentStep): AugmentationExample {
  return {
    name,
    at: (place) => (place < 0.5 ? { steps: [], value: "no" } : { steps: [step], value: "yes" }),
  };
}
