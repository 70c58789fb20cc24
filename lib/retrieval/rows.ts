// Rows of numbers, in memory or on disk, read in blocks. Shapes: N rows, F numbers of each.
import { UserError } from "../common/errors";
import { joinRows, sliceRows, type Vectors } from "../common/vectors";

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
  return { count, length, block: (start, end) => sliceRows(rows, start, end).data };
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
