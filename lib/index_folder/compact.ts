// Writes an index again without its removed rows, in few files.
// Shapes: n rows of a shard, F features per row.
import { readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { joinRows, sliceRows, type Vectors } from "../common/vectors";
import {
  FEATURE_FILES,
  type FeatureDtype,
  type Features,
  SHARD_TENSOR,
  STORED_AS,
} from "../features/feature_files";
import { ROWS_PER_SHARD } from "../features/feature_plan";
import { readShard, rowContents } from "../features/feature_shards";
import { joinContents } from "../features/feature_sources";
import { writeSafetensors } from "../formats/safetensors";
import { changeIndex, type OpenChange, writeTable } from "./change";

/** The folder below an index that holds copies of uploaded images. */
export const UPLOADS = "images";
/** Shards of at least this many rows, none of them removed, stay as they are. */
const LARGE_ROWS = ROWS_PER_SHARD / 2;

/**
 * Writes an index again without its removed rows; small shards are joined. Copies of uploaded images that belong to no
 * row any more are deleted. A kill leaves the index before or after.
 * @returns the index, and whether there was something to do
 * @throws UserError if another process changes the index
 * @example
 * await compactIndex("features/photos");
 */
export async function compactIndex(folder: string): Promise<{ features: Features; isChanged: boolean }> {
  let isChanged = false;
  const work = async ({ features, summary, tables, next }: OpenChange) => {
    const isSmall = ({ count }: { count: number }) => count < LARGE_ROWS;
    if (!summary.removed && tables.length === 1 && summary.shards.filter(isSmall).length <= 1)
      return undefined;
    isChanged = true;
    const writer = new ShardWriter(features, next);
    for (const [shard, { file, count, kept }] of features.shards.entries()) {
      if (kept || count < LARGE_ROWS) await writer.add(shard);
      else await writer.keep(file, count);
    }
    const { shards, number } = await writer.end();
    return {
      shards,
      dtype: features.dtype,
      tables: [await writeTable(features.folder, next, await features.readRows())],
      removed: undefined,
      next: number + 1,
      noClass: summary.noClass,
    };
  };
  const features = await changeIndex(folder, work, dropUploads);
  return { features, isChanged };
}

/** Rows that wait to be written. */
interface Waiting {
  vectors: Vectors;
  contents: readonly string[] | undefined;
  dtype: FeatureDtype;
}

/** Joins rows of shards to new shards. */
class ShardWriter {
  readonly #features: Features;
  readonly #shards: { file: string; count: number }[] = [];
  #number: number;
  #waiting: Waiting[] = [];
  #rows = 0;

  constructor(features: Features, number: number) {
    this.#features = features;
    this.#number = number;
  }

  /** Writes the rows of a shard again, with those around it. */
  async add(shard: number): Promise<void> {
    const { folder, shards, readShard: read } = this.#features;
    const { file, kept } = shards[shard]!;
    const note = readShard(folder, file)!;
    const all = rowContents(note);
    const contents = all && kept ? Array.from(kept, (row) => all[row]!) : all;
    this.#waiting.push({ vectors: read(shard), contents, dtype: note.dtype });
    this.#rows += shards[shard]!.count;
    while (this.#rows >= ROWS_PER_SHARD) await this.#write(ROWS_PER_SHARD);
  }

  /** Takes a shard over as it is. */
  async keep(file: string, count: number): Promise<void> {
    await this.#write(this.#rows);
    this.#shards.push({ file, count });
  }

  async end(): Promise<{ shards: { file: string; count: number }[]; number: number }> {
    await this.#write(this.#rows);
    return { shards: this.#shards, number: this.#number };
  }

  async #write(count: number): Promise<void> {
    if (count === 0) return;
    const { length, folder } = this.#features;
    const all = joinRows(
      this.#waiting.map(({ vectors }) => vectors),
      length,
    );
    const parts = this.#waiting.map(({ contents }) => contents);
    const contents = parts.every((part) => part !== undefined) ? parts.flat() : undefined;
    const dtype = this.#waiting.some((part) => part.dtype === "float32") ? "float32" : "float16";
    const file = FEATURE_FILES.shard(this.#number++);
    const data = sliceRows(all, 0, count).data;
    await writeSafetensors(
      join(folder, file),
      [{ name: SHARD_TENSOR, shape: [count, length], data }],
      {
        skipped: "[]",
        ...(contents ? { contents: joinContents(contents.slice(0, count)), skippedAt: "[]" } : {}),
      },
      STORED_AS[dtype],
    );
    this.#shards.push({ file, count });
    this.#rows -= count;
    const rest = { vectors: sliceRows(all, count), contents: contents?.slice(count), dtype } as const;
    this.#waiting = this.#rows > 0 ? [rest] : [];
  }
}

/** Deletes copies of uploaded images that belong to no row. */
async function dropUploads(features: Features): Promise<void> {
  const folder = join(features.folder, UPLOADS);
  const base = String(features.madeBy.folder ?? "");
  const named = new Set(Array.from((await features.readRows()).files, (file) => resolve(base, file)));
  for (const name of uploadsIn(folder))
    if (!named.has(join(folder, name))) rmSync(join(folder, name), { force: true });
}

function uploadsIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // no image was uploaded
  }
}
