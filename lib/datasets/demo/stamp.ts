// Reads and writes `demo.json`, which records what was drawn and how.
import { existsSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { z } from "zod";
import { UserError } from "../../common/errors";
import { readJson } from "../../common/files/files";
import { checkShape } from "../../common/schema";
import { VENDORS, vendorPackage } from "./vendors";

/** Counts of one group of the demo. */
export interface DemoGroupCounts {
  group: string;
  dataset: string;
  trainClasses: number;
  trainImages: number;
  heldOutClasses: number;
  queries: number;
  index: number;
}

/** A drawing that was left out. */
export interface DroppedDrawing {
  vendor: string;
  icon: string;
  why: string;
}

/** Inputs that determine a drawing of the demo. */
export interface DemoRecipe {
  seed: number;
  /** Null for all classes. */
  classesPerGroup: number | null;
  /** Version of the drawing code. */
  drawing: number;
  /** npm package -> version. */
  packages: Record<string, string>;
}

/** Content of `demo.json`: recipe and result of a drawing. */
export interface DemoStamp {
  recipe: DemoRecipe;
  /** False while folders are being moved into place. */
  complete: boolean;
  classes: number;
  images: number;
  /** Drawings that failed or came out blank. */
  dropped: DroppedDrawing[];
  groups: DemoGroupCounts[];
  /** Folders and files of the demo, relative to the data directory; another drawing may replace them. */
  wrote: string[];
}

const COUNT = z.number().int().nonnegative();
const STAMP = z.object({
  recipe: z.object({
    seed: z.number(),
    classesPerGroup: COUNT.nullable(),
    drawing: COUNT,
    packages: z.record(z.string(), z.string()),
  }),
  complete: z.boolean(),
  classes: COUNT,
  images: COUNT,
  dropped: z.array(z.object({ vendor: z.string(), icon: z.string(), why: z.string() })),
  groups: z.array(
    z.object({
      group: z.string(),
      dataset: z.string(),
      trainClasses: COUNT,
      trainImages: COUNT,
      heldOutClasses: COUNT,
      queries: COUNT,
      index: COUNT,
    }),
  ),
  wrote: z.array(z.string()),
}) satisfies z.ZodType<DemoStamp>;

const DRAWING = 2;

/** Returns the path of `demo.json`. */
export function stampPath(dataDir: string): string {
  return join(dataDir, "demo.json");
}

/** Returns the recipe of a drawing with the installed packages. */
export function demoRecipe(seed: number, classesPerGroup?: number): DemoRecipe {
  const sources = [...VENDORS.map(vendorPackage), "emojibase-data"].map(
    (name) => [name, versionOf(name)] as const,
  );
  const packages = {
    ...Object.fromEntries(sources),
    sharp: sharp.versions.sharp!,
    libvips: sharp.versions.vips,
  };
  return { seed, classesPerGroup: classesPerGroup ?? null, drawing: DRAWING, packages };
}

function versionOf(packageName: string): string {
  return readJson(
    require.resolve(`${packageName}/package.json`),
    z.object({ version: z.string() }),
    "Run `npm run setup`.",
  ).version;
}

/**
 * Reads the stamp of an earlier drawing; undefined if there is none.
 * @throws UserError for a file that is not a stamp
 */
export function readStamp(dataDir: string): DemoStamp | undefined {
  const path = stampPath(dataDir);
  if (!existsSync(path)) return undefined;
  const next = "Draw the demo into another data directory, or move the file away.";
  return checkShape(
    `${path} is not the stamp of a demo data set: it`,
    readJson(path, z.unknown(), next),
    STAMP,
    next,
  );
}

/** Returns true if the complete output of this recipe exists. */
export function isDrawn(
  dataDir: string,
  stamp: DemoStamp | undefined,
  recipe: DemoRecipe,
): stamp is DemoStamp {
  return (
    stamp?.complete === true &&
    JSON.stringify(stamp.recipe) === JSON.stringify(recipe) &&
    stamp.wrote.every((name) => existsSync(join(dataDir, name)))
  );
}

/**
 * Checks that only output of an earlier drawing is in the way.
 * @throws UserError for a folder or file of another origin
 */
export function refuseForeign(dataDir: string, names: readonly string[], stamp: DemoStamp | undefined): void {
  for (const name of names) {
    if (!existsSync(join(dataDir, name)) || stamp?.wrote.includes(name)) continue;
    throw new UserError(
      `The demo would be drawn to ${join(dataDir, name)}, where there is something that the demo did not make.`,
      "Draw it into another data directory, or move that away.",
    );
  }
}
