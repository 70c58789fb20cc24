// The exact index that stays in the engine's memory.
import assert from "node:assert/strict";
import { test } from "node:test";
import { randomStream } from "guie/dist/common/random";
import { nearestNeighbours } from "guie/dist/retrieval/neighbours";
import { MOST_NEIGHBOURS, residentIndex } from "guie/dist/retrieval/resident_index";

function rows(count: number, length: number, seed: number) {
  const random = randomStream(seed, "rows");
  return { data: Float32Array.from({ length: count * length }, () => random.normal()), count, length };
}

test("a resident index finds the neighbours of nearestNeighbours, for any number of queries", async () => {
  const index = rows(900, 16, 1);
  index.data.copyWithin(16 * 400, 16 * 3, 16 * 4); // two equal rows: the lower position is first
  const resident = await residentIndex(index);
  for (const [count, k] of [
    [1, 1],
    [7, 5],
    [32, 100],
  ] as const) {
    const queries = rows(count, 16, count);
    queries.data.set(index.data.subarray(16 * 3, 16 * 4));
    const [found, expected] = [await resident.search(queries, k), await nearestNeighbours(queries, index, k)];
    assert.deepEqual(
      found.positions.map((list) => [...list]),
      expected.positions.map((list) => [...list]),
    );
    assert.deepEqual(
      found.cosines.map((list) => [...list]),
      expected.cosines.map((list) => [...list]),
    );
    if (k > 1) assert.deepEqual([...found.positions[0]!.subarray(0, 2)], [3, 400]);
  }
  await assert.rejects(resident.search(rows(1, 15, 1), 1), /15 numbers per row, the index has 16/);
  await assert.rejects(resident.search(rows(1, 16, 1), MOST_NEIGHBOURS + 1), /at most/);
  resident.dispose();
  const small = await residentIndex(rows(3, 4, 2));
  assert.equal((await small.search(rows(2, 4, 5), 50)).positions[1]!.length, 3);
  small.dispose();
});
