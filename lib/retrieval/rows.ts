// Rows of numbers, in memory or on disk, read in blocks. Shapes: N rows, F numbers of each.
import { UserError } from "../common/errors";

/** Rows of equal length in one flat array. */
export interface Vectors {
  /** [count, length], row by row. */
  data: Float32Array;
  count: number;
  length: number;
}

/** Rows that are read in blocks, so that more of them can be searched than memory holds. */
export interface RowSource {
  readonly count: number;
  readonly length: number;
  /** Rows `start` to `end` (exclusive), [end - start, length]. The array is not written to afterwards. */
  block(start: number, end: number): Float32Array | Promise<Float32Array>;
}

/** Rows in files of which one at a time is in memory: a folder of features (`openFeatures`). */
export interface ShardedRows {
  readonly count: number;
  readonly length: number;
  readonly shards: readonly { readonly count: number }[];
  readShard(shard: number): Vectors;
}

/** Whatever holds rows. */
export type Rows = Vectors | RowSource | ShardedRows;

/** Rows of any kind as a source of blocks. @throws UserError where the numbers are more or fewer than the rows */
export function rowSource(rows: Rows): RowSource {
  if ("block" in rows) return rows;
  if ("readShard" in rows) return sourceOfShards(rows);
  const { data, count, length } = rows;
  if (data.length !== count * length) {
    throw new UserError(
      `Expected ${count} rows of ${length} numbers: ${count * length}; there are ${data.length}.`,
    );
  }
  return { count, length, block: (start, end) => data.subarray(start * length, end * length) };
}

/** All rows in memory. */
export async function readRows(rows: Rows): Promise<Vectors> {
  if ("data" in rows) return rows;
  const { count, length, block } = rowSource(rows);
  return { data: await block(0, count), count, length };
}

function sourceOfShards({ count, length, shards, readShard }: ShardedRows): RowSource {
  let held: { shard: number; rows: Vectors } | undefined;
  const rowsOf = (shard: number) => {
    if (held?.shard !== shard) held = { shard, rows: readShard(shard) };
    return held.rows.data;
  };
  const block = (start: number, end: number) => {
    const pieces: Float32Array[] = [];
    let first = 0;
    for (const [shard, { count: rows }] of shards.entries()) {
      const [from, to] = [Math.max(start - first, 0), Math.min(end - first, rows)];
      if (from < to) pieces.push(rowsOf(shard).subarray(from * length, to * length));
      first += rows;
    }
    return pieces.length === 1 ? pieces[0]! : joined(pieces);
  };
  return { count, length, block };
}

function joined(pieces: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
