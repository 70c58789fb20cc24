// The order in which the rows of an epoch are read from tars, and seen: shuffled by tar, then by a buffer.
import { type RandomStream, randomStream } from "../../common/random";
import type { TarOrderSettings } from "../../config/parts";
import type { Shard } from "./samplers";

/** The rows of an epoch that one process sees. Shapes: n rows. */
export interface TarOrder {
  /** The rows in the order of reading; a row of the epoch's k-th pass has the number row + (k - 1) N. [n] */
  reading: number[];
  /** The place in `reading` of the row that is seen 1st, 2nd, ...; [n] */
  order: Int32Array;
}

/**
 * Returns the rows of an epoch for a process. Each pass shuffles the tars; within a tar, rows stay in its order. The
 * processes divide the rows of all passes into stretches of equal length, which lie one after the other, so that each
 * reads its own tars (up to `worldSize` - 1 rows of the end are left out). Each shuffles its stretch through a buffer
 * (`throughBuffer`). Seed, epoch and process decide everything, so that a run can go on at any step.
 * @param rowsOfTars the rows of each tar in the tar's order; together all N rows
 * @param passes number of passes in an epoch
 */
export function tarOrder(
  { seed, shuffleBuffer }: TarOrderSettings,
  rowsOfTars: readonly Int32Array[],
  epoch: number,
  passes: number,
  { rank, worldSize }: Shard,
): TarOrder {
  const rowCount = rowsOfTars.reduce((sum, rows) => sum + rows.length, 0);
  const share = Math.floor((rowCount * passes) / worldSize);
  const [start, end] = [rank * share, (rank + 1) * share];
  const reading: number[] = [];
  let place = 0;
  for (let i = 0; i < passes; i++) {
    for (const rows of randomStream(seed, "order of tars", (epoch - 1) * passes + i + 1).shuffle(
      rowsOfTars,
    )) {
      const own = rows.subarray(Math.max(0, start - place), Math.max(0, end - place));
      for (const row of own) reading.push(i * rowCount + row);
      place += rows.length;
    }
  }
  const random = randomStream(seed, "shuffle buffer", epoch, rank);
  return { reading, order: throughBuffer(random, reading.length, shuffleBuffer) };
}

/**
 * Shuffles 0 .. count - 1 through a buffer, as WebDataset's `shuffle`: the buffer is filled, then each further number
 * takes the place of one that is drawn from it; at the end the rest is shuffled. No number comes more than `size` - 1
 * places too early. A number stays in the buffer for `size` draws on average (geometric distribution), so that it moves
 * by 2/e = 0.74 of `size` on average; a buffer of all numbers is a plain shuffle.
 */
export function throughBuffer(random: RandomStream, count: number, size: number): Int32Array {
  const buffer = Array.from({ length: Math.min(size, count) }, (_, i) => i);
  const order = new Int32Array(count);
  let place = 0;
  for (let next = buffer.length; next < count; next++) {
    const slot = random.integer(0, buffer.length - 1);
    order[place++] = buffer[slot]!;
    buffer[slot] = next;
  }
  order.set(random.shuffle(buffer), place);
  return order;
}
