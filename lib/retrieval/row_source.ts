// Rows of numbers in memory or on disk, read in blocks. Shapes: N rows, F numbers per row.
import { UserError } from "../common/errors";
import { joinRows, sliceRows, type Vectors } from "../common/vectors";

/** Rows that are read in blocks, so that they may exceed memory. */
export interface RowSource {
  readonly count: number;
  readonly length: number;
  /** Returns rows `start` to `end` (exclusive), [end - start, length]. Nobody writes to the array afterwards. */
  block(start: number, end: number): Float32Array | Promise<Float32Array>;
}

/** Rows in files, one file at a time in memory: a folder of features (`openFeatures`). */
export interface ShardedRows {
  readonly count: number;
  readonly length: number;
  readonly shards: readonly { readonly count: number }[];
  readShard(shard: number): Vectors;
}

/** Rows of any kind. */
export type Rows = Vectors | RowSource | ShardedRows;

/** Returns rows of any kind as a source of blocks. @throws UserError if the array's length does not match */
export function rowSource(rows: Rows): RowSource {
  if ("block" in rows) return rows;
  if ("readShard" in rows) return sourceOfShards(rows);
  const { data, count, length } = rows;
  if (data.length !== count * length) {
    throw new UserError(
      `Expected ${count} rows of ${length} numbers: ${count * length} in total, got ${data.length}.`,
    );
  }
  return { count, length, block: (start, end) => sliceRows(rows, start, end).data };
}

/** Reads all rows into memory. */
export async function readRows(rows: Rows): Promise<Vectors> {
  if ("data" in rows) return rows;
  const { count, length, block } = rowSource(rows);
  return { data: await block(0, count), count, length };
}

function sourceOfShards({ count, length, shards, readShard }: ShardedRows): RowSource {
  let held: { shard: number; rows: Vectors } | undefined;
  const rowsOf = (shard: number) => {
    if (held?.shard !== shard) held = { shard, rows: readShard(shard) };
    return held.rows;
  };
  const block = (start: number, end: number) => {
    const parts: Vectors[] = [];
    let first = 0;
    for (const [shard, { count: rows }] of shards.entries()) {
      const [from, to] = [Math.max(start - first, 0), Math.min(end - first, rows)];
      if (from < to) parts.push(sliceRows(rowsOf(shard), from, to));
      first += rows;
    }
    return joinRows(parts, length).data;
  };
  return { count, length, block };
}
