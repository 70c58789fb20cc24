// Looks of photos: a small grey picture and the size of each, made once and kept as a folder of features.

import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { mapConcurrently } from "../common/concurrent";
import { contentOf, NO_CONTENT } from "../common/files/fingerprint";
import { cacheFolder } from "../common/files/kept_folder";
import { checkInterrupt } from "../common/interrupt";
import type { OnProgress } from "../common/progress";
import type { Texts } from "../common/texts";
import { stackRows } from "../common/vectors";
import type { Features } from "../features/feature_files";
import type { ShardResult } from "../features/feature_plan";
import { ensureKeptFeatures } from "../features/feature_writer";
import { decodeRgb, readImageFile } from "../images/decode";
import { ImageError } from "../images/pixels/image_error";
import type { RgbImage } from "../images/pixels/rgb_image";
import { resizeRgb } from "../images/resize";
import { type Prepared, prepareThumbnail } from "./aligned_pair";

/** Side of the small grey picture. */
export const LOOK_SIDE = 64;
const PIXELS = LOOK_SIDE * LOOK_SIDE;
/** Width and height in two numbers each, so that float16 holds them. */
const SIZES = 4;
const PER_PART = 256;
const PHOTOS_AT_ONCE = 4;
const PHOTOS_PER_SHARD = 512;

/** The look of a photo. */
export interface PhotoLook {
  /** Grey values, [64, 64]. */
  grey: Float32Array;
  widthPx: number;
  heightPx: number;
}

/**
 * Returns the looks of photos as features: from the cache if they are known, else computed. Photos that cannot be
 * read are listed by `readSkipped`.
 * @param folder of the photos; absolute
 */
export async function photoLooks(
  folder: string,
  files: Texts,
  onProgress: OnProgress | undefined,
): Promise<Features> {
  const key = createHash("sha256").update(folder).digest("hex").slice(0, 8);
  const plan = {
    rows: { files },
    madeBy: { look: `grey ${LOOK_SIDE} px, size`, folder },
    dtype: "float16" as const,
    rowsPerShard: PHOTOS_PER_SHARD,
    replace: true,
    sources: { folder },
  };
  const embed = async (part: readonly string[], start: number): Promise<ShardResult> => {
    const looks = await mapConcurrently(part, PHOTOS_AT_ONCE, async (file, i) => {
      await checkInterrupt();
      onProgress?.({ stage: "look", done: start + i + 1, total: files.length, unit: "photos" });
      return lookAtPhoto(join(folder, file));
    });
    return {
      vectors: stackRows(
        looks.flatMap(({ row }) => (row ? [row] : [])),
        PIXELS + SIZES,
      ),
      skipped: looks.flatMap(({ reason }, i) => (reason === undefined ? [] : [{ file: part[i]!, reason }])),
      contents: looks.map(({ content }) => content),
    };
  };
  return ensureKeptFeatures(cacheFolder(), ["looks", `${basename(folder)}-${key}`], plan, async () => embed);
}

async function lookAtPhoto(path: string): Promise<{ content: string; row?: Float32Array; reason?: string }> {
  let content = NO_CONTENT;
  try {
    const bytes = await readImageFile(path);
    content = contentOf(bytes);
    return { content, row: rowOfLook(await decodeRgb(bytes)) };
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    return { content, reason: error.message };
  }
}

function rowOfLook(image: RgbImage): Float32Array {
  const { data } = resizeRgb(image, { method: "area", width: LOOK_SIDE, height: LOOK_SIDE });
  const row = new Float32Array(PIXELS + SIZES);
  for (let pixel = 0; pixel < PIXELS; pixel++) {
    const [r, g, b] = [data[3 * pixel]!, data[3 * pixel + 1]!, data[3 * pixel + 2]!];
    row[pixel] = 0.299 * r + 0.587 * g + 0.114 * b; // ITU-R BT.601, as JPEG, Pillow and OpenCV
  }
  for (const [i, side] of [image.width, image.height].entries()) {
    row[PIXELS + 2 * i] = Math.floor(side / PER_PART);
    row[PIXELS + 2 * i + 1] = side % PER_PART;
  }
  return row;
}

/** Returns the look in a row of the features. */
export function lookOf(row: Float32Array): PhotoLook {
  const side = (i: number) => row[PIXELS + 2 * i]! * PER_PART + row[PIXELS + 2 * i + 1]!;
  return { grey: row.subarray(0, PIXELS), widthPx: side(0), heightPx: side(1) };
}

/** Prepares the looks for comparisons, [N]. */
export function prepareLooks(looks: readonly PhotoLook[]): Prepared[] {
  return looks.map(({ grey }) => prepareThumbnail({ side: LOOK_SIDE, grey }));
}
