// The folder of a pack, below its data directory: pack.json, and NNNNN.tar with its index NNNNN.csv.
import { existsSync } from "node:fs";
import { join, parse } from "node:path";
import { z } from "zod";
import { readJson } from "../common/files/files";
import { shellQuoted } from "../common/shell";
import { dataFolder } from "../config/paths";

/** Settings that name a pack: those of its table. */
export interface PackPlace {
  dataDir: string;
  /** Table below `dataDir`. */
  csv: string;
}

const SUMMARY = z.object({
  format: z.literal(1),
  table: z.string(),
  images: z.number().int().positive(),
  imagesPerTar: z.number().int().positive(),
  seed: z.number().int(),
  order: z.string(),
});

/** What a pack is made of. */
export interface PackSummary extends z.infer<typeof SUMMARY> {
  /** SHA-256 over "path<tab>label<line feed>" of all images in their order, hexadecimal. */
  order: string;
}

/** Columns of a tar's index: the image's path below the data directory, its class, and the place of its bytes. */
export const INDEX_COLUMNS = ["image_files", "labels", "offset", "length"] as const;

/** Returns the folder of a table's pack: `packed/<the table's name>` below the data directory. */
export function packFolder({ dataDir, csv }: PackPlace): string {
  return join(dataFolder({ dataDir }), "packed", parse(csv).name);
}

/** Returns the path of a pack's summary. */
export function summaryPath(folder: string): string {
  return join(folder, "pack.json");
}

/** Returns the path of a tar or its index. @param number from 0 */
export function tarPath(folder: string, number: number, kind: "tar" | "csv" = "tar"): string {
  return join(folder, `${String(number).padStart(5, "0")}.${kind}`);
}

/** Returns the number of tars of a whole pack. */
export function tarCount({ images, imagesPerTar }: Pick<PackSummary, "images" | "imagesPerTar">): number {
  return Math.ceil(images / imagesPerTar);
}

/** Returns the command that makes a pack anew. */
export function packAnew(folder: string, dataDir: string): string {
  return `rm -r ${shellQuoted(folder)}; npx guie pack --data-dir ${shellQuoted(dataDir)}`;
}

/** Reads a pack's summary; undefined if there is none. @throws UserError for a file that is not one */
export function readPackSummary(folder: string): PackSummary | undefined {
  const path = summaryPath(folder);
  return existsSync(path) ? readJson(path, SUMMARY, `Delete ${folder} and run guie pack again.`) : undefined;
}
