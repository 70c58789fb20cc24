// Intervals of a run's scores: those of the ladder on the same vectors.
import assert from "node:assert/strict";
import { test } from "node:test";
import { randomStream } from "guie/dist/common/random";
import { scoreWithIntervals } from "guie/dist/embedding/embed_images";
import { compareModels } from "guie/dist/retrieval/evaluation";

test("the intervals of a run's scores equal the ladder's, and hold the scores", async () => {
  const random = randomStream(3, "vectors of a test");
  const vectorsOf = (count: number) => {
    const data = Float32Array.from({ length: count * 4 }, () => random.integer(-9, 9) + 0.5);
    return { data, count, length: 4 };
  };
  const [queries, index] = [vectorsOf(24), vectorsOf(60)];
  const queryLabels = Int32Array.from({ length: 24 }, (_, i) => i % 8);
  const indexLabels = Int32Array.from({ length: 60 }, (_, i) => i % 10);
  const labels = { queryLabels, indexLabels };
  const found = await scoreWithIntervals({ queries, index, ...labels });
  const [row] = await compareModels([{ name: "same", queries, index }], labels);
  for (const measure of ["mp5", "r1"] as const) {
    const { mean, low, high } = row!.scores[measure];
    assert.equal(found[measure], mean);
    assert.deepEqual(found.intervals![measure], { low, high });
    assert.ok(low < mean && mean < high);
  }
  const strange = await scoreWithIntervals({
    queries,
    index,
    queryLabels: queryLabels.map(() => 99),
    indexLabels,
  });
  assert.equal(strange.intervals, undefined, "no query counts");
});
