// The order of images from tars: each once, disjoint over processes, and how well a buffer shuffles.
import assert from "node:assert/strict";
import { test } from "node:test";
import { randomStream } from "guie/dist/common/random";
import { ONE_PROCESS } from "guie/dist/training/data/samplers";
import { tarOrder, throughBuffer } from "guie/dist/training/data/tar_order";

/** Tars of 7, 5, 9 and 2 rows: rows 0-6, 7-11, 12-20, 21-22. */
const TARS = [7, 5, 9, 2].map((length, tar, all) => {
  const first = all.slice(0, tar).reduce((sum, before) => sum + before, 0);
  return Int32Array.from({ length }, (_, i) => first + i);
});
const ROWS = 23;
const SETTINGS = { seed: 999, shuffleBuffer: 4 };
const seenBy = (epoch: number, passes = 1, shard = ONE_PROCESS, settings = SETTINGS) => {
  const { reading, order } = tarOrder(settings, TARS, epoch, passes, shard);
  return Array.from(order, (place) => reading[place]!);
};
const sorted = (rows: readonly number[]) => rows.toSorted((a, b) => a - b);

test("an epoch reads tar by tar, each in its order, the tars shuffled anew, and sees every row once", () => {
  const tarsRead = (epoch: number) => {
    const { reading } = tarOrder(SETTINGS, TARS, epoch, 1, ONE_PROCESS);
    const starts = TARS.map((rows) => ({ rows, at: reading.indexOf(rows[0]!) }));
    for (const { rows, at } of starts) assert.deepEqual(reading.slice(at, at + rows.length), [...rows]);
    return starts.toSorted((a, b) => a.at - b.at).map(({ rows }) => TARS.indexOf(rows));
  };
  const orders = [1, 2, 3, 4, 5, 6].map(tarsRead);
  assert.ok(new Set(orders.map(String)).size > 3, `${orders}`);
  for (const epoch of [1, 2]) assert.deepEqual(sorted(seenBy(epoch)), [...Array(ROWS).keys()]);
  assert.deepEqual(seenBy(1), seenBy(1));
  assert.notDeepEqual(seenBy(1), seenBy(2));
  assert.notDeepEqual(seenBy(1), seenBy(1, 1, ONE_PROCESS, { ...SETTINGS, seed: 1 }));
});

test("processes see different rows, all alike many; a remainder of fewer rows than processes is left out", () => {
  for (const worldSize of [2, 3, 4]) {
    const parts = Array.from({ length: worldSize }, (_, rank) => seenBy(1, 1, { rank, worldSize }));
    for (const part of parts) assert.equal(part.length, Math.floor(ROWS / worldSize));
    const all = parts.flat();
    assert.equal(new Set(all).size, all.length);
  }
});

test("each process reads its stretch of the tars alone: all but those at its borders", () => {
  const [first, second] = [0, 1].map(
    (rank) => tarOrder(SETTINGS, TARS, 1, 1, { rank, worldSize: 2 }).reading,
  );
  const whole = tarOrder(SETTINGS, TARS, 1, 1, ONE_PROCESS).reading;
  assert.deepEqual([...first!, ...second!], whole.slice(0, 22));
});

test("passes of an epoch are numbered: each has every row, the buffer mixes only their border", () => {
  const numbers = seenBy(2, 3);
  assert.deepEqual(sorted(numbers), [...Array(3 * ROWS).keys()]);
  const passes = numbers.map((number) => Math.floor(number / ROWS));
  assert.ok(passes.slice(0, ROWS - SETTINGS.shuffleBuffer).every((pass) => pass === 0));
});

test("a buffer of one keeps the order; a buffer of all is a plain shuffle", () => {
  const random = () => randomStream(1, "test");
  assert.deepEqual([...throughBuffer(random(), 5, 1)], [0, 1, 2, 3, 4]);
  assert.deepEqual([...throughBuffer(random(), 5, 9)], random().shuffle([0, 1, 2, 3, 4]));
  assert.deepEqual([...throughBuffer(random(), 0, 9)], []);
});

/** Mean distance between the places of reading and of seeing, and the correlation of both. */
function statistics(count: number, size: number): { moved: number; correlation: number; early: number } {
  const order = throughBuffer(randomStream(7, "statistics"), count, size);
  const mean = (count - 1) / 2;
  let [moved, products, squares, early] = [0, 0, 0, 0];
  for (const [seen, read] of order.entries()) {
    moved += Math.abs(seen - read);
    products += (seen - mean) * (read - mean);
    squares += (seen - mean) ** 2;
    early = Math.max(early, read - seen);
  }
  return { moved: moved / count, correlation: products / squares, early };
}

test("a row moves by 2/e of the buffer on average, and never more than the buffer less one to the front", () => {
  // the time in the buffer is geometric with mean B: its mean absolute deviation is 2/e B
  for (const size of [50, 500]) {
    const { moved, early } = statistics(100_000, size);
    assert.ok(Math.abs(moved / size - 2 / Math.E) < 0.02, `${size}: ${moved / size}`);
    assert.equal(early, size - 1);
  }
});

test("the correlation of reading and seeing falls as the buffer grows: 1 - 6 (B/N)^2, then to 0", () => {
  // both places have the variance N^2/12, their difference B^2: the correlation is 1 - B^2 / (2 N^2 / 12)
  const count = 20_000;
  const shares = [0.01, 0.05, 0.1, 0.2, 0.5, 1];
  const found = shares.map((share) => statistics(count, share * count).correlation);
  for (const [i, share] of shares.slice(0, 3).entries())
    assert.ok(Math.abs(found[i]! - (1 - 6 * share ** 2)) < 0.015, `${share}: ${found[i]}`);
  assert.deepEqual(
    found,
    found.toSorted((a, b) => b - a),
  );
  assert.ok(Math.abs(found.at(-1)!) < 3 / Math.sqrt(count), `a plain shuffle: ${found.at(-1)}`);
});
