// The folder of a data set's preprocessed images: `settings.json` holds the settings they were made with, `images/` the
// images.
import { existsSync, mkdirSync, opendirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../common/errors";
import { createExclusively } from "../common/files/exclusive";
import { jsonText, readJson, TEMPORARY_NAME } from "../common/files/files";
import { noticeOnce } from "../common/notice";
import { shellQuoted } from "../common/shell";
import { RESIZE_MODES, type ResizeMode } from "../config/model";
import type { JpegSettings } from "../images/jpeg/convert";
import { PIXEL_RULES } from "../images/readers/options";
import { IMAGES_HOME } from "./layout";

const STAMP = "settings.json";

/** Returns the path of the record of the sources of a data set's images. @param folder absolute */
export function recordPath(folder: string): string {
  return join(folder, "sources.jsonl");
}

const SETTINGS = z.object({
  imageSizePx: z.number().int().positive(),
  jpegQuality: z.number(),
  decoding: z.enum(["full", "reduced"]),
  pixels: z.enum(PIXEL_RULES).optional(),
  resizeMode: z.enum(RESIZE_MODES).optional(),
}) satisfies z.ZodType<JpegSettings>;

/**
 * Checks that `folder` is new or holds images of the same settings, and writes the settings into it. Of processes that
 * begin at once with different settings, one writes its own, and the others are refused.
 * @throws UserError for images of other settings, or a folder of other files
 */
export function claimImagesFolder(folder: string, settings: JpegSettings): void {
  if (!Number.isInteger(settings.imageSizePx) || settings.imageSizePx < 1) {
    throw new UserError(
      `The image size must be a whole number of pixels, it is ${settings.imageSizePx}.`,
      "The original's is 224.",
    );
  }
  const stamp = join(folder, STAMP);
  const images = join(folder, "images");
  const next = `To make them again: rm -r ${folder}`;
  if (!existsSync(stamp)) {
    const holdsOthers = existsSync(images) && readdirSync(images).length > 0;
    const isNew = !holdsOthers && createExclusively(stamp, jsonText(settings), { durable: true });
    if (!isNew && !existsSync(stamp))
      throw new UserError(`${images} holds files, but no settings.json says how they were made.`, next);
  }
  const made = readJson(stamp, SETTINGS, next);
  const [were, are] = [made, SETTINGS.parse(settings)].map((value) => JSON.stringify(value));
  if (were !== are)
    throw new UserError(`${folder} holds images made with ${were}; this run needs ${are}.`, next);
  mkdirSync(images, { recursive: true });
}

/** Lists the JPEGs in `folder`/images that are not empty. */
export function listMade(folder: string): ReadonlySet<string> {
  const images = join(folder, "images");
  const made = new Set<string>();
  const listing = opendirSync(images);
  try {
    // name by name: a network file system then sends sizes with the names
    for (let entry = listing.readSync(); entry; entry = listing.readSync())
      if (entry.name.endsWith(".jpg") && isFilled(join(images, entry.name))) made.add(entry.name);
  } finally {
    listing.closeSync();
  }
  return made;
}

function isFilled(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > 0;
}

/**
 * Tells that images of a data directory were made squares in another way than a model will: that way can no longer be
 * taken back. @param dataDir absolute path
 */
export function noticeOtherMode(dataDir: string, resizeMode: ResizeMode): void {
  const home = join(dataDir, IMAGES_HOME);
  if (!existsSync(home)) return;
  for (const name of readdirSync(home)) {
    const stamp = join(home, name, STAMP);
    if (!existsSync(stamp)) continue;
    const { resizeMode: made = "squash" } = readJson(
      stamp,
      SETTINGS,
      `To make its images again: rm -r ${join(home, name)}`,
    );
    if (made === resizeMode) continue;
    noticeOnce(
      `guie: ${join(home, name)} was made with resize mode "${made}": "${resizeMode}" changes only its small images. ` +
        `To make it again: rm -r ${shellQuoted(join(home, name))}; npx guie preprocess --resize-mode ${resizeMode} --data-dir ${shellQuoted(dataDir)}`,
    );
  }
}

/**
 * Removes from `folder`/images the JPEGs that are not in `names` (of dropped classes) and the leftovers of killed runs.
 * @throws UserError if afterwards the folder does not hold exactly the named files
 */
export function keepOnly(folder: string, names: readonly string[]): void {
  const images = join(folder, "images");
  const wanted = new Set(names);
  for (const name of readdirSync(images)) {
    const isMade = name.endsWith(".jpg") || TEMPORARY_NAME.test(name);
    if (!wanted.has(name) && isMade) rmSync(join(images, name));
  }
  const files = readdirSync(images).length;
  if (files === names.length) return;
  const next = "Move other files out of it and run this step again.";
  throw new UserError(`${images} holds ${files} files, but ${names.length} rows were written.`, next);
}
