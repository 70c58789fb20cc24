// Settings of the training augmentation: rows that change an image at random, and recipes of rows under a name.
import { z } from "zod";
import { faultText, type SettingsOf, setting } from "./setting";

/** Share of the images that a row changes. */
const probability = z.number().min(0).max(1).default(0.5);
/** Largest change in both directions. */
const limit = (most: number, value: number) => z.number().min(0).max(most).default(value);
/** A lowest and a highest value. */
const range = (least: number, most: number, value: [number, number]) =>
  z
    .tuple([z.number().min(least).max(most), z.number().min(least).max(most)])
    .refine(([low, high]) => low <= high, "the first number must not exceed the second")
    .readonly()
    .default(value);

/**
 * A row by its name, with albumentations' names in camelCase. Numbers that are left out are the original's for its four
 * rows, torchvision's for crop and blur.
 */
const ROW = z.discriminatedUnion("name", [
  z.strictObject({ name: z.literal("HorizontalFlip"), probability }),
  z.strictObject({
    name: z.literal("RandomBrightnessContrast"),
    probability,
    /** Pixel -> (1 + c) x pixel + 255 b; c and b within these limits. */
    brightnessLimit: limit(1, 0.1),
    contrastLimit: limit(1, 0.1),
  }),
  z.strictObject({
    name: z.literal("ShiftScaleRotate"),
    probability,
    /** In shares of the image's side. */
    shiftLimit: limit(1, 0),
    scaleLimit: limit(0.9, 0.2),
    /** Degrees. */
    rotateLimit: limit(180, 10),
  }),
  z.strictObject({
    name: z.literal("CoarseDropout"),
    probability,
    /** Width and height of the black hole, in shares of the image's side. */
    holeRange: range(0, 1, [0.1, 0.2]),
  }),
  z.strictObject({
    name: z.literal("RandomResizedCrop"),
    probability,
    /** Area of the part, in shares of the picture's. */
    scale: range(0.01, 1, [0.08, 1]),
    /** Width / height of the part. */
    ratio: range(0.1, 10, [3 / 4, 4 / 3]),
  }),
  z.strictObject({
    name: z.literal("ColorJitter"),
    probability,
    /** Colour -> grey + (1 + s) x (colour - grey). */
    saturation: limit(1, 0.2),
    /** In turns of the colour circle. */
    hue: limit(0.5, 0.05),
  }),
  z.strictObject({ name: z.literal("ToGray"), probability }),
  z.strictObject({
    name: z.literal("GaussianBlur"),
    probability,
    /** Standard deviation, px of the model's input. */
    sigma: range(0.01, 10, [0.1, 2]),
  }),
]);

/** A row of the augmentation with all its numbers. */
export type AugmentationRow = z.output<typeof ROW>;
/** A row as a person writes it: numbers that are left out have default values. */
export type GivenAugmentationRow = z.input<typeof ROW>;

const CROP_FIRST = "RandomResizedCrop cuts the picture before all else: make it the first row, once";
const ROWS = z
  .array(ROW)
  .refine((rows) => rows.every(({ name }, i) => i === 0 || name !== "RandomResizedCrop"), CROP_FIRST);

/** Recipes by name; rows act in their order. */
const RECIPES = {
  /** The original's. */
  original: [
    { name: "HorizontalFlip", probability: 0.5 },
    { name: "RandomBrightnessContrast", probability: 0.5, brightnessLimit: 0.1, contrastLimit: 0.1 },
    { name: "ShiftScaleRotate", probability: 0.5, shiftLimit: 0, scaleLimit: 0.2, rotateLimit: 10 },
    { name: "CoarseDropout", probability: 0.5, holeRange: [0.1, 0.2] },
  ],
  none: [],
  flip: [{ name: "HorizontalFlip", probability: 0.5 }],
  /** MAE's for pretraining. */
  crop: [
    { name: "RandomResizedCrop", probability: 1, scale: [0.2, 1], ratio: [3 / 4, 4 / 3] },
    { name: "HorizontalFlip", probability: 0.5 },
  ],
  /** Kinds of change as in MoCo v2, half as strong: colour tells products apart. */
  photos: [
    { name: "RandomResizedCrop", probability: 1, scale: [0.4, 1], ratio: [3 / 4, 4 / 3] },
    { name: "HorizontalFlip", probability: 0.5 },
    { name: "RandomBrightnessContrast", probability: 0.5, brightnessLimit: 0.2, contrastLimit: 0.2 },
    { name: "ColorJitter", probability: 0.5, saturation: 0.2, hue: 0.02 },
    { name: "ToGray", probability: 0.05 },
    { name: "GaussianBlur", probability: 0.1, sigma: [0.1, 1] },
  ],
} as const satisfies Record<string, readonly AugmentationRow[]>;

/** The name of a recipe. */
export type RecipeName = keyof typeof RECIPES;
/** The names of all recipes. */
export const RECIPE_NAMES = Object.keys(RECIPES) as RecipeName[];

/** A recipe by its name, or rows. */
export type Augmentation = RecipeName | readonly GivenAugmentationRow[];

const AUGMENTATION_CHECK: z.ZodType<Augmentation> = z.union([z.enum(RECIPE_NAMES), ROWS], {
  error: ({ input, errors }) => {
    if (!Array.isArray(input)) return `expected one of ${RECIPE_NAMES.join(", ")}, or a list of rows`;
    const [fault] = (errors as z.core.$ZodIssue[][]).at(-1)!;
    return faultText(fault!);
  },
});

/** The row of the augmentation setting. */
export const AUGMENTATION = {
  /**
   * How `fine_tune` changes its images at random: a recipe's name (`original`, `none`, `flip`, `crop`, `photos`), or a
   * list of rows such as `{"name": "ColorJitter", "probability": 0.5}` (docs/how_to/recipe.md).
   */
  augmentation: setting(AUGMENTATION_CHECK, "original"),
};

/** Settings of the training augmentation. */
export interface AugmentationSettings extends SettingsOf<typeof AUGMENTATION> {}

/**
 * Returns the rows of an augmentation, in the order in which they act, with all their numbers.
 * @example
 * augmentationRows("flip"); // [{ name: "HorizontalFlip", probability: 0.5 }]
 */
export function augmentationRows(augmentation: Augmentation): readonly AugmentationRow[] {
  return typeof augmentation === "string" ? RECIPES[augmentation] : ROWS.parse(augmentation);
}
