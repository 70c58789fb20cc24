// Blocks of an index and runs of queries in the engine's memory.
// Shapes: B rows per block, q queries per run, D numbers per row.
import { checkInterrupt } from "../common/interrupt";
import { sliceRows, type Vectors, zeroVectors } from "../common/vectors";
import { floatsOf } from "../engine/native/dtypes";
import { HostTensor } from "../engine/native/host_tensor";
import { type ExactRows, type Metric, scoreRows } from "./nearness";
import type { RowSource } from "./row_source";

/** The engine's memory for one block, reused for others. */
export interface BlockMemory {
  /** [B, D]. */
  rows: HostTensor;
  /** [B]. */
  bias: HostTensor;
  /** [B]. */
  squares: Float64Array;
}

/** A block of the index, ready to be searched. */
export interface Block {
  /** The rows as given, b <= B. */
  rows: ExactRows;
  /** Their positions in the index: start to end (exclusive). */
  start: number;
  end: number;
  memory: BlockMemory;
  /** Length of the longest row in the engine's form. */
  largest: number;
}

/** Queries that are searched together. */
export interface QueryRun {
  /** Position of the first query. */
  start: number;
  count: number;
  /** [q, D] In the engine's form, zeros after the last. */
  rows: HostTensor;
  /** The queries as given. */
  given: ExactRows;
  /** Length of the longest query. */
  largest: number;
}

/** Allocates memory for a block of that many rows. */
export function blockMemory(rows: number, length: number): BlockMemory {
  const bias = new HostTensor("float32", [rows]);
  return { rows: new HostTensor("float32", [rows, length]), bias, squares: new Float64Array(rows) };
}

/**
 * Reads the block that begins at `start`; rows after the end of the index never become results. It waits for a turn of
 * the event loop first, so that earlier work reaches the engine.
 */
export async function readBlock(
  index: RowSource,
  metric: Metric,
  start: number,
  memory: BlockMemory,
  centre: Float32Array,
): Promise<Block> {
  await checkInterrupt();
  const blockRows = memory.bias.shape[0]!;
  const end = Math.min(start + blockRows, index.count);
  const data = await index.block(start, end);
  const { squares } = memory;
  const into = { data: floatsOf(memory.rows), bias: floatsOf(memory.bias), squares };
  const largest = scoreRows(metric, data, centre, into, (row) => `Row ${start + row} of the index`);
  into.data.fill(0, data.length);
  into.bias.fill(Number.NEGATIVE_INFINITY, end - start);
  return { rows: { data, squares }, start, end, memory, largest };
}

/** Splits queries into runs of `size`. */
export function queryRuns(queries: Vectors, size: number, metric: Metric, centre: Float32Array): QueryRun[] {
  const { count, length } = queries;
  const bias = new Float32Array(size);
  const starts = Array.from({ length: Math.ceil(count / size) }, (_, run) => run * size);
  const prepared = starts.map((start) => {
    const part = sliceRows(queries, start, start + size);
    const seen = zeroVectors(size, length).data;
    const describe = (row: number) => `Query ${start + row}`;
    const given = { data: part.data, squares: new Float64Array(size) };
    const into = { data: seen, bias, squares: given.squares };
    const largest = scoreRows(metric, part.data, centre, into, describe);
    return { start, count: part.count, seen, given, largest };
  });
  // allocate the engine's memory last, after everything that can fail
  return prepared.map(({ seen, ...run }) => {
    const rows = new HostTensor("float32", [size, length]);
    floatsOf(rows).set(seen);
    return { ...run, rows };
  });
}

/** Returns the mean of rows, [D], over finite numbers; `scoreRows` reports those that are not finite. */
export function meanRow(rows: Float32Array, length: number): Float32Array {
  const sums = new Float64Array(length);
  for (let i = 0; i < rows.length; i++) if (Number.isFinite(rows[i])) sums[i % length]! += rows[i]!;
  return Float32Array.from(sums, (sum) => (sum * length) / rows.length);
}
