// Models x data directories, and what was lost where.
import assert from "node:assert/strict";
import { test } from "node:test";
import { recordOf } from "guie/dist/common/typed_keys";
import { crossTable, lossSentences } from "guie/dist/retrieval/comparison_table";
import type { ComparisonRow } from "guie/dist/retrieval/evaluation";
import { MEASURE_NAMES } from "guie/dist/retrieval/metrics";

/** Makes the row of a model with an mP@5 and its difference, each +- 0.01. */
function rowOf(model: string, mean: number, difference?: number, trainedOn = 0): ComparisonRow {
  const around = (value: number) => ({ mean: value, low: value - 0.01, high: value + 0.01 });
  const score = {
    ...around(mean),
    difference: difference === undefined ? undefined : around(difference),
  };
  return {
    model,
    against: difference === undefined ? undefined : "backbone",
    dataset: "all",
    index: "merged",
    queries: 9,
    queriesWithoutMatch: 0,
    classes: 3,
    trainedOn,
    scores: recordOf(MEASURE_NAMES, () => score),
  };
}

const comparisons = [
  {
    dataDir: "data/demo",
    rows: [rowOf("backbone", 0.3), rowOf("neck", 0.5, 0.2, 2), rowOf("tuned", 0.305, 0.005)],
  },
  {
    dataDir: "data/shop",
    rows: [rowOf("backbone", 0.8), rowOf("neck", 0.777, -0.023), rowOf("tuned", 0.795, -0.005)],
  },
];

test("a row per model, with score and difference on each directory", () => {
  assert.deepEqual(crossTable(comparisons)[1], {
    model: "neck",
    "mP@5 data/demo": "0.500 [0.490, 0.510]",
    "data/demo against backbone": "+0.200 [+0.190, +0.210] *",
    "data/demo trained on": 2,
    "mP@5 data/shop": "0.777 [0.767, 0.787]",
    "data/shop against backbone": "-0.023 [-0.033, -0.013] *",
  });
  assert.equal(crossTable(comparisons)[0]!["data/shop against backbone"], "");
});

test("a loss is a difference whose whole interval is below 0", () => {
  assert.deepEqual(lossSentences(comparisons), [
    "neck loses 0.023 [0.013, 0.033] on data/shop against backbone",
  ]);
});
