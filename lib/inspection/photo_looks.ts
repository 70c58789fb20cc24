// Looks of photos: a small grey picture and the size of each, made once and kept by content, as vectors are.
import { join } from "node:path";
import { contentOf, NO_CONTENT } from "../common/files/fingerprint";
import { mapConcurrently } from "../common/parallel/concurrent";
import type { OnProgress, ProgressOptions } from "../common/progress";
import { stackRows } from "../common/vectors";
import { embedPhotos, type PhotoEmbedder, type PhotoList, type PhotoVectors } from "../features/embed_photos";
import type { EmbedShard } from "../features/feature_plan";
import { decodeRgb, readImageFile } from "../images/decode";
import { ImageError } from "../images/pixels/image_error";
import type { RgbImage } from "../images/pixels/rgb_image";
import { resizeRgb } from "../images/resize";
import { type Prepared, prepareThumbnail } from "./aligned_pair";

/** Side of the small grey picture. */
const LOOK_SIDE = 64;
const PIXELS = LOOK_SIDE * LOOK_SIDE;
/** Grey values, width, height. */
const ROW_LENGTH = PIXELS + 2;
const PHOTOS_AT_ONCE = 4;

/** The look of a photo. */
export interface PhotoLook {
  /** Grey values, [64, 64]. */
  grey: Float32Array;
  widthPx: number;
  heightPx: number;
}

/** Describes photos by rows of looks instead of a model's vectors. */
const LOOKS: PhotoEmbedder = {
  madeBy: { look: `grey ${LOOK_SIDE} px, width, height` },
  sourcesOf: (folder) => ({ folder }),
  embedShards: async (folder, { total, onProgress }) => lookShards(folder, total, onProgress),
};

/** Returns the looks of photos, [N, 4098], from the cache if they are known; `lookOf` reads a row. */
export function photoLooks(list: PhotoList, options: ProgressOptions): Promise<PhotoVectors> {
  return embedPhotos(LOOKS, list, options);
}

function lookShards(folder: string, total: number, onProgress: OnProgress | undefined): EmbedShard {
  return async (files, start) => {
    const looks = await mapConcurrently(files, PHOTOS_AT_ONCE, (file) => lookAtPhoto(join(folder, file)));
    onProgress?.({ stage: "look", done: start + files.length, total, unit: "photos" });
    return {
      vectors: stackRows(
        looks.flatMap(({ row }) => (row ? [row] : [])),
        ROW_LENGTH,
      ),
      skipped: looks.flatMap(({ reason }, i) => (reason === undefined ? [] : [{ file: files[i]!, reason }])),
      contents: looks.map(({ content }) => content),
    };
  };
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
  const row = new Float32Array(ROW_LENGTH);
  for (let pixel = 0; pixel < PIXELS; pixel++) {
    const [r, g, b] = [data[3 * pixel]!, data[3 * pixel + 1]!, data[3 * pixel + 2]!];
    row[pixel] = 0.299 * r + 0.587 * g + 0.114 * b; // ITU-R BT.601, as JPEG, Pillow and OpenCV
  }
  row[PIXELS] = image.width;
  row[PIXELS + 1] = image.height;
  return row;
}

/** Returns the look in a row of `photoLooks`. */
export function lookOf(row: Float32Array): PhotoLook {
  return { grey: row.subarray(0, PIXELS), widthPx: row[PIXELS]!, heightPx: row[PIXELS + 1]! };
}

/** Prepares the looks for comparisons, [N]. */
export function prepareLooks(looks: readonly PhotoLook[]): Prepared[] {
  return looks.map(({ grey }) => prepareThumbnail({ side: LOOK_SIDE, grey }));
}
