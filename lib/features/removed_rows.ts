// The rows of a folder of features that were removed: their numbers, in a table of their own, until the shards are
// written again without them (`guie index compact`).
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { UserError } from "../common/errors";

/** A file of rows, their number, and the CRC-32 of its bytes. */
export interface CheckedFile {
  file: string;
  count: number;
  crc32: number;
}

/** A shard with at least one row that was not removed. */
export interface FeatureShard {
  file: string;
  /** Number of rows without removed ones. */
  count: number;
  /** The numbers of these rows in the file, ascending; undefined: all of its rows. */
  kept?: Int32Array | undefined;
}

const REPAIR = "Embed the images again into another folder.";

/** The column of a table of removed rows. */
export const REMOVED_COLUMN = "row";

/** Reads the numbers of removed rows, ascending; none without a file. @throws UserError if it is damaged */
export function readRemoved(folder: string, removed: CheckedFile | undefined): Int32Array {
  if (!removed) return new Int32Array(0);
  const path = join(folder, removed.file);
  const [, ...lines] = readChecked(path, removed).toString("latin1").trimEnd().split("\n");
  const rows = Int32Array.from(lines, Number);
  if (rows.length === removed.count) return rows;
  throw new UserError(`${path} names ${rows.length} rows, expected ${removed.count}.`, REPAIR);
}

function readChecked(path: string, { crc32: expected }: CheckedFile): Buffer {
  const bytes = existsSync(path) ? readFileSync(path) : undefined;
  if (bytes && crc32(bytes) === expected) return bytes;
  throw new UserError(`${path} is ${bytes ? "damaged" : "missing"}.`, REPAIR);
}

/** Returns shards without their removed rows. @param removed ascending, counted over all shards */
export function shardsWithout(
  shards: readonly Pick<FeatureShard, "file" | "count">[],
  removed: Int32Array,
): FeatureShard[] {
  if (removed.length === 0) return [...shards];
  const gone = new Set(removed);
  let first = 0;
  return shards.flatMap(({ file, count }) => {
    const start = first;
    first += count;
    const kept = Int32Array.from({ length: count }, (_, row) => row).filter((row) => !gone.has(start + row));
    if (kept.length === count) return { file, count };
    return kept.length === 0 ? [] : { file, count: kept.length, kept };
  });
}
