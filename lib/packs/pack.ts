// `guie pack`: writes the images of a training table into tars that are read in sequence.
import { existsSync, statSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { csvLines } from "../common/csv/csv";
import { UserError } from "../common/errors";
import { asOwner } from "../common/files/claim";
import { removeTemporaries, writeJson, writeTogether } from "../common/files/files";
import { withSignal } from "../common/interrupt";
import { mapConcurrently } from "../common/parallel/concurrent";
import type { OnProgress, TaskOptions } from "../common/progress";
import { dataFolder } from "../config/paths";
import { readImageFile, unusableFile } from "../images/decode";
import { describeOther, sniffFormat } from "../images/readers/formats";
import { FOLDS_CSV } from "../tables/layout";
import {
  INDEX_COLUMNS,
  type PackPlace,
  type PackSummary,
  packAnew,
  packFolder,
  readPackSummary,
  summaryPath,
  tarCount,
  tarPath,
} from "./pack_folder";
import { type PackedImages, packedImages } from "./packed_images";
import { type Sample, TarFile } from "./tar_file";

/** Options of packing. */
export interface PackOptions extends TaskOptions {
  dataDir: string;
  /** Table below `dataDir`; default: the one that Data_Merge writes. */
  csv?: string;
  /** Seed of the images' order. */
  seed?: number;
  /** 8,192 JPEGs of 224 px take about 150 MB. */
  imagesPerTar?: number;
}

/** A finished pack. */
export interface PackResult extends PackSummary {
  folder: string;
  tars: number;
  /** Number of them that were there already. */
  kept: number;
  /** Bytes of all tars. */
  bytes: number;
}

/** Images that are read before they are written together. */
const IMAGES_PER_WRITE = 128;
/** Files read at once, which hides the latency of a network disk. */
const READS_AT_ONCE = 16;

/**
 * Packs the distinct images of a training table into `packed/<table>/NNNNN.tar` below the data directory, in a random
 * order. Goes on after a kill: a tar that is there is complete, and stays as it is.
 * @throws UserError for a missing table, an image that cannot be used, or a pack of other images or settings
 * @example
 * const { folder, tars } = await packImages({ dataDir: "data/demo" });
 */
export async function packImages({
  dataDir,
  csv = FOLDS_CSV,
  seed = 999,
  imagesPerTar = 8192,
  onProgress,
  signal,
}: PackOptions): Promise<PackResult> {
  const place = { dataDir, csv };
  const folder = packFolder(place);
  return withSignal(signal, async () => {
    const images = await packedImages(place, seed);
    const content = { table: csv, images: images.files.length, order: images.order };
    const summary: PackSummary = { format: 1, ...content, imagesPerTar, seed };
    return asOwner(folder, "The pack", () => packOwned(folder, place, summary, images, onProgress));
  });
}

async function packOwned(
  folder: string,
  place: PackPlace,
  summary: PackSummary,
  images: PackedImages,
  onProgress: OnProgress | undefined,
): Promise<PackResult> {
  requireSamePack(folder, place, summary);
  removeTemporaries(folder);
  const { images: total, imagesPerTar } = summary;
  const tars = tarCount(summary);
  let kept = 0;
  for (let number = 0; number < tars; number++) {
    const start = number * imagesPerTar;
    const end = Math.min(total, start + imagesPerTar);
    if (existsSync(tarPath(folder, number))) kept++;
    else {
      const report = (done: number) => onProgress?.({ stage: "pack", done, total, unit: "images" });
      await writeTar(folder, number, { ...images, folder: dataFolder(place), start, end }, report);
    }
  }
  const sizes = Array.from({ length: tars }, (_, number) => statSync(tarPath(folder, number)).size);
  return { folder, ...summary, tars, kept, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

/** Writes the summary of a new pack. @throws UserError if there is a pack of other images or settings */
function requireSamePack(folder: string, { dataDir }: PackPlace, summary: PackSummary): void {
  const found = readPackSummary(folder);
  if (!found) {
    writeJson(summaryPath(folder), summary);
    return;
  }
  const differences = (["images", "imagesPerTar", "seed"] as const)
    .filter((name) => found[name] !== summary[name])
    .map((name) => `${name} ${found[name]}, not ${summary[name]}`);
  if (found.order === summary.order && differences.length === 0) return;
  const how = differences.length > 0 ? differences.join("; ") : "other images or classes";
  throw new UserError(
    `${folder} holds a pack of another table or of other settings: ${how}. It stays as it is.`,
    `To make it anew: ${packAnew(folder, dataDir)}`,
  );
}

interface TarPart extends PackedImages {
  /** Absolute path of the data directory. */
  folder: string;
  /** Images from `start` to before `end`. */
  start: number;
  end: number;
}

/** Writes a tar and its index. The tar is renamed last: where it is, its index is, too. */
async function writeTar(
  pack: string,
  number: number,
  part: TarPart,
  onImages: (done: number) => void,
): Promise<void> {
  const paths = [tarPath(pack, number, "csv"), tarPath(pack, number)];
  await writeTogether(paths, async ([indexFile, tarFile]) => {
    const tar = await TarFile.create(tarFile!);
    const index: (string | number)[][] = [[...INDEX_COLUMNS]];
    try {
      for (let from = part.start; from < part.end; from += IMAGES_PER_WRITE) {
        const to = Math.min(part.end, from + IMAGES_PER_WRITE);
        const samples = await readSamples(part, from, to);
        const offsets = await tar.add(samples);
        for (const [i, { number: image, label, bytes }] of samples.entries())
          index.push([part.files.at(image)!, label, offsets[i]!, bytes.length]);
        onImages(to);
      }
      await tar.finish();
    } finally {
      await tar.close();
    }
    writeFileSync(indexFile!, csvLines(index));
  });
}

function readSamples({ folder, files, labels }: TarPart, from: number, to: number): Promise<Sample[]> {
  const numbers = Array.from({ length: to - from }, (_, i) => from + i);
  return mapConcurrently(numbers, READS_AT_ONCE, async (number) => {
    const path = resolve(folder, files.at(number)!);
    const bytes = await readImageFile(path);
    const format = sniffFormat(bytes);
    if (!format) throw unusableFile(path, describeOther(bytes));
    const extension = format === "jpeg" ? "jpg" : format.replaceAll(" ", "_");
    return { number, extension, label: labels[number]!, bytes };
  });
}
