// Maps by PCA and by UMAP.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { randomStream } from "guie/dist/common/random";
import type { Vectors } from "guie/dist/common/vectors";
import { pcaMap, umapMap } from "guie/dist/retrieval/embedding_map";

const [CLUSTERS, PER_CLUSTER, LENGTH] = [6, 25, 16];

/** Returns unit vectors with a little noise: cluster c is around axis c. */
function clusters(perCluster = PER_CLUSTER): Vectors {
  const random = randomStream(1, "clusters");
  const count = CLUSTERS * perCluster;
  const data = Float32Array.from({ length: count * LENGTH }, (_, i) => {
    const [row, column] = [Math.floor(i / LENGTH), i % LENGTH];
    return (row % CLUSTERS === column ? 1 : 0) + 0.05 * random.normal();
  });
  return { data, count, length: LENGTH };
}

const distance = ({ data }: Vectors, a: number, b: number) =>
  Math.hypot(data[2 * a]! - data[2 * b]!, data[2 * a + 1]! - data[2 * b + 1]!);

test("PCA's map equals scikit-learn's first two components, up to signs; the same matrix places further rows", async () => {
  const golden = JSON.parse(readFileSync(installPath("test/golden/retrieval.json"), "utf8"));
  const rows = { data: Float32Array.from(golden.rows as number[]), count: 40, length: 6 };
  const { places, place } = await pcaMap(rows);
  assert.deepEqual([places.count, places.length], [40, 2]);
  for (const axis of [0, 1]) {
    const expected = Array.from({ length: 40 }, (_, row) => golden.pca.reduced[3 * row + axis] as number);
    const sign = Math.sign(places.data[axis]! * expected[0]!);
    for (const [row, value] of expected.entries())
      assert.ok(Math.abs(sign * places.data[2 * row + axis]! - value) < 2e-5);
  }
  const again = await place({ data: rows.data.slice(6, 12), count: 1, length: 6 });
  // A product of one row sums in another order than one of forty, on some CPUs: float32's rounding of numbers near 3.
  for (const axis of [0, 1]) assert.ok(Math.abs(again.data[axis]! - places.data[2 + axis]!) < 1e-6);
});

test("UMAP keeps well separated clusters apart; the same seed gives the same map", async () => {
  const rows = clusters();
  const { places, place } = await umapMap(rows, { seed: 3 });
  for (let row = 0; row < rows.count; row++) {
    const others = Array.from({ length: rows.count }, (_, other) => other).filter((other) => other !== row);
    const nearest = others.sort((a, b) => distance(places, row, a) - distance(places, row, b)).slice(0, 10);
    assert.ok(
      nearest.every((other) => other % CLUSTERS === row % CLUSTERS),
      `row ${row}`,
    );
  }
  assert.deepEqual((await umapMap(rows, { seed: 3 })).places, places);
  assert.notDeepEqual((await umapMap(rows, { seed: 4 })).places, places);
  // A further row of cluster 2 is nearest to a row of cluster 2.
  const further = new Float32Array(LENGTH);
  further[2] = 3;
  const [x, y] = (await place({ data: further, count: 1, length: LENGTH })).data;
  const withFurther = { ...places, data: Float32Array.of(...places.data, x!, y!) };
  const byNearness = Array.from({ length: rows.count }, (_, row) => row).sort(
    (a, b) => distance(withFurther, rows.count, a) - distance(withFurther, rows.count, b),
  );
  assert.equal(byNearness[0]! % CLUSTERS, 2);
});

test("a UMAP of few rows uses fewer neighbours; one of three rows is refused", async () => {
  const few = clusters(1);
  const { places } = await umapMap(few);
  assert.equal(places.count, CLUSTERS);
  assert.ok(places.data.every(Number.isFinite));
  await assert.rejects(umapMap({ data: few.data.slice(0, 3 * LENGTH), count: 3, length: LENGTH }), {
    name: "UserError",
    message: /at least 4 rows; there are 3/,
  });
});
