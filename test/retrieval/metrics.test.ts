// mP@5, the competition's metric.
import assert from "node:assert/strict";
import { test } from "node:test";
import { precisionAt5, scoreRetrieval } from "guie/dist/retrieval/metrics";

/** Returns five ranks: `hits(1, 3)` has right results at ranks 1 and 3. */
const hits = (...ranks: number[]) => [1, 2, 3, 4, 5].map((rank) => ranks.includes(rank));

test("mP@5 equals the competition's worked examples", () => {
  assert.equal(precisionAt5(hits(1, 3), 10), 0.4);
  assert.equal(precisionAt5(hits(1, 3), 2), 0.5);
  assert.equal(precisionAt5(hits(1), 1), 1);
  assert.equal(precisionAt5(hits(2), 1), 0);
  assert.equal(precisionAt5(hits(1, 2, 3, 4, 5), 7), 1);
});

test("queries without an expected image are counted, and the mean ignores them", () => {
  const index = [7, 7, 8];
  const scores = scoreRetrieval(
    [
      [0, 1, 2],
      [2, 0, 1],
      [0, 1, 2],
    ],
    [7, 7, 9],
    index,
  );
  // query 0: both right -> 1; query 1: one of ranks 1-2 right -> 0.5, first wrong; query 2: no image of class 9
  assert.deepEqual(scores, { mp5: 0.75, r1: 0.5, queries: 2, queriesWithoutMatch: 1 });
});
