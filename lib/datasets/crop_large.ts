// Crops large photos to their central square, as the original does for Food 2022.
import { mkdirSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import sharp from "sharp";
import { readPatiently } from "../common/files/file_faults";
import { writeAtomically } from "../common/files/files";
import { contentOf, seeFile } from "../common/files/fingerprint";
import { type MakingOf, SourceRecord } from "../common/files/source_record";
import { mapConcurrently } from "../common/parallel/concurrent";
import { resizeArea } from "../images/pixels/area_resize";
import { MAX_PIXELS } from "../images/pixels/image_error";
import { openJpeg } from "../images/pixels/open_jpeg";
import type { ImageRow } from "./rows";

/** Images that sharp processes at once: enough for its threads, few enough to stop soon on Interrupt. */
const AT_ONCE = 8;
const JPEG_QUALITY = 95;

/** Returns the folder of a data set's cropped images, relative to the data directory. */
function croppedFolder(folder: string): string {
  return `cropped/${folder}`;
}

/**
 * Crops large images, as the original does for Food Recognition 2022: an image with a longer side above `largestPx` is
 * cropped to its central square, which is reduced to `largestPx` if it is larger. The cropped image is a JPEG below
 * `cropped/<folder>/`; the raw image is not changed. An existing crop is kept unless its source has changed (see
 * `sources.jsonl`). An image that cannot be decoded keeps its row: Data_preprocessing lists it with the reason.
 * @returns the rows, with the paths of the cropped images in place of the raw ones
 * @throws UnreachableFile if a disk or network fault prevents reading
 */
export async function cropLarge(
  dataDir: string,
  folder: string,
  rows: readonly ImageRow[],
  largestPx: number,
  report: (done: number, total: number) => void,
): Promise<ImageRow[]> {
  let done = 0;
  const record = await SourceRecord.open(join(dataDir, croppedFolder(folder), "sources.jsonl"));
  try {
    return await mapConcurrently(rows, AT_ONCE, async (row) => {
      const cropped = croppedPath(row.imageFile, folder);
      const task = {
        image: row.imageFile,
        source: join(dataDir, row.imageFile),
        target: join(dataDir, cropped),
      };
      const isCropped = await cropImage(task, largestPx, record);
      report(++done, rows.length);
      return isCropped ? { ...row, imageFile: cropped } : row;
    });
  } finally {
    record.flush();
  }
}

function croppedPath(imageFile: string, folder: string): string {
  const path = join(croppedFolder(folder), imageFile.slice(`raw/${folder}/`.length));
  return /\.jpe?g$/i.test(path) ? path : `${path}.jpg`;
}

/** Crops one image; returns false if it is small enough or cannot be read. */
async function cropImage(task: MakingOf, largestPx: number, record: SourceRecord): Promise<boolean> {
  const { image, source, target } = task;
  const seen = (await seeFile(source)) ?? { stamp: "", changedMs: Number.POSITIVE_INFINITY };
  if (await record.isMade(task, seen)) return true;
  record.forget(image);
  const bytes = await readPatiently(source, () => readFile(source));
  const pixels = await croppedPixels(bytes, largestPx).catch(() => undefined);
  if (!pixels) {
    rmSync(target, { force: true }); // the crop of an earlier version of the source
    return false;
  }
  mkdirSync(dirname(target), { recursive: true });
  await writeAtomically(target, (temporary) =>
    sharp(pixels.data, { raw: pixels.info })
      .jpeg({ quality: JPEG_QUALITY, optimiseCoding: false })
      .toFile(temporary)
      .then(() => {}),
  );
  record.set(image, { stamp: seen.stamp, content: contentOf(bytes), reason: "" });
  return true;
}

/**
 * Returns the central square, reduced by OpenCV's INTER_AREA to at most `largestPx`: uint8 [S, S, 3]; undefined for an
 * image that is small enough.
 */
async function croppedPixels(bytes: Uint8Array, largestPx: number) {
  const image = sharp(openJpeg(bytes)?.file ?? bytes, {
    failOn: "warning",
    limitInputPixels: MAX_PIXELS,
    ignoreIcc: true,
    autoOrient: true,
  });
  const { width, height } = (await image.metadata()).autoOrient;
  if (Math.max(width, height) <= largestPx) return undefined;
  const side = Math.min(width, height);
  const square = { left: (width - side) >> 1, top: (height - side) >> 1, width: side, height: side };
  const opaque = image.extract(square).flatten({ background: "#ffffff" }).toColourspace("srgb").raw();
  const { data } = await opaque.toBuffer({ resolveWithObject: true });
  const crop = { data, width: side, height: side };
  const reduced = side > largestPx ? resizeArea(crop, largestPx, largestPx) : crop;
  const info = { width: reduced.width, height: reduced.height, channels: 3 } as const;
  return { data: Buffer.from(reduced.data), info };
}
