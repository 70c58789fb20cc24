// The order of an epoch, and its division over processes.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SamplerSettings } from "guie/dist/config/parts";
import { epochOrder, rowsOfStep } from "guie/dist/training/data/samplers";

/** 10 classes of 1, 2, ... 10 rows. */
const LABELS = Array.from({ length: 10 }, (_, label) => new Array<number>(label + 1).fill(label)).flat();
const ROWS = LABELS.length; // 55
const config = (changes: Partial<SamplerSettings> = {}): SamplerSettings => ({
  seed: 1,
  batchSize: 8,
  sampler: "shuffle",
  samplesPerClass: 4,
  ...changes,
});
const sorted = (rows: readonly number[]) => rows.toSorted((a, b) => a - b);
const allRows = LABELS.map((_, row) => row);

for (const worldSize of [1, 2, 3]) {
  test(`${worldSize} ranks see every row exactly once, the last partial step included`, () => {
    const seen: number[] = [];
    for (let rank = 0; rank < worldSize; rank++) {
      const shard = { rank, worldSize };
      const order = epochOrder(config(), LABELS, 5, shard);
      for (let step = 1; step <= Math.ceil(ROWS / (8 * worldSize)); step++)
        seen.push(...rowsOfStep(order, 8, step, shard));
    }
    assert.deepEqual(sorted(seen), allRows);
  });
}

test("two ranks' batches, concatenated, are the doubled batch of one", () => {
  for (const sampler of ["shuffle", "class_balanced", "m_per_class"] as const) {
    const two = [0, 1].flatMap((rank) => {
      const shard = { rank, worldSize: 2 };
      return rowsOfStep(epochOrder(config({ sampler }), LABELS, 1, shard), 8, 2, shard);
    });
    const doubled = config({ sampler, batchSize: 16 });
    assert.deepEqual(two, rowsOfStep(epochOrder(doubled, LABELS, 1), 16, 2), sampler);
  }
});

test("the order depends only on seed and epoch", () => {
  for (const sampler of ["shuffle", "class_balanced", "m_per_class"] as const) {
    const order = epochOrder(config({ sampler }), LABELS, 1);
    assert.deepEqual(epochOrder(config({ sampler }), LABELS, 1), order);
    assert.notDeepEqual(epochOrder(config({ sampler }), LABELS, 2), order);
    assert.notDeepEqual(epochOrder(config({ sampler, seed: 2 }), LABELS, 1), order);
  }
});

test("class-balanced: 55 rows of 10 classes, each class 5 or 6 times, its rows equally often up to one", () => {
  const order = epochOrder(config({ sampler: "class_balanced" }), LABELS, 1);
  assert.equal(order.length, ROWS);
  for (let label = 0; label < 10; label++) {
    const drawn = order.filter((row) => LABELS[row] === label);
    assert.ok(drawn.length === 5 || drawn.length === 6, `class ${label}: ${drawn.length}`);
    const perRow = allRows
      .filter((row) => LABELS[row] === label)
      .map((row) => drawn.filter((d) => d === row).length);
    assert.ok(Math.max(...perRow) - Math.min(...perRow) <= 1, `class ${label}: ${perRow}`);
  }
});

test("m per class: each rank's batch holds 2 classes of 4 rows, and the step's 4 classes differ", () => {
  for (let epoch = 1; epoch <= 20; epoch++) {
    for (let step = 1; step <= 3; step++) {
      const classes = [0, 1].flatMap((rank) => {
        const shard = { rank, worldSize: 2 };
        const order = epochOrder(config({ sampler: "m_per_class" }), LABELS, epoch, shard);
        const rows = rowsOfStep(order, 8, step, shard);
        assert.equal(rows.length, 8);
        return [rows.slice(0, 4), rows.slice(4)].map((run) => {
          const label = LABELS[run[0]!]!;
          assert.ok(run.every((row) => LABELS[row] === label));
          assert.equal(new Set(run).size, Math.min(4, label + 1), "different rows if there are enough");
          return label;
        });
      });
      assert.equal(new Set(classes).size, 4);
    }
  }
});

test("m per class refuses a batch that it does not divide, and more classes than exist", () => {
  const order = (changes: Partial<SamplerSettings>) => () =>
    epochOrder(config({ sampler: "m_per_class", ...changes }), LABELS, 1);
  assert.throws(order({ samplesPerClass: 3 }), /batch of 8 images cannot hold 3 of each/);
  assert.throws(order({ batchSize: 44 }), /needs 11 classes; the training table has 10/);
});
