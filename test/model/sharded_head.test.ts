// A head sharded over processes against the whole head in one process: loss and gradients.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { sampleSize, shardSize } from "guie/dist/model/sharded_head";
import { runRanks } from "../engine/ranks";
import { C, E, expectedClasses, type ShardedCase, wholeLoss } from "./sharded_case";

const CASES: Record<string, ShardedCase> = {
  "two processes": { worldSize: 2, rowsPerClass: 1, share: 1 },
  "three processes, two rows per class": { worldSize: 3, rowsPerClass: 2, share: 1 },
  "two processes, a sample of the classes": { worldSize: 2, rowsPerClass: 2, share: 0.1 },
  "three processes, a head for each of four data sets": {
    ...{ worldSize: 3, rowsPerClass: 2, share: 1, dataSets: 4 },
  },
  "two processes, a head for each of two data sets, a sample of the classes": {
    ...{ worldSize: 2, rowsPerClass: 1, share: 0.1, dataSets: 2 },
  },
};

/** Returns the largest difference, relative to the largest expected value. */
function difference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  assert.equal(actual.length, expected.length);
  const largest = Math.max(...Array.from(expected, Math.abs));
  return Math.max(...Array.from(actual, (value, i) => Math.abs(value - expected[i]!))) / largest;
}

for (const [name, spec] of Object.entries(CASES)) {
  test(`the sharded loss and its gradients equal the whole head's: ${name}`, async () => {
    const ranks = await runRanks(join(__dirname, "sharded_rank.js"), spec.worldSize, spec);
    const expected = wholeLoss(spec);
    const values = C * spec.rowsPerClass * E;
    const rows = ranks.flatMap((rank) => rank.rows);
    for (const rank of ranks) {
      assert.ok(difference(rank.loss, [expected.loss]) < 1e-6, `loss ${rank.loss} for ${expected.loss}`);
      assert.ok(difference(rank.linear, expected.linear) < 1e-5, "linear layer");
    }
    assert.ok(difference(rows.slice(0, values), expected.head) < 1e-5, "rows");
    assert.ok(
      rows.slice(values).every((value) => value === 0),
      "padding rows of the last shard",
    );
  });
}

test("a sample holds the classes of the step's images, and not all classes", () => {
  const spec = { worldSize: 2, rowsPerClass: 1, share: 0.1 };
  assert.ok(expectedClasses(spec).length < C);
  assert.equal(shardSize(274_330, 6), 45_722);
  assert.equal(sampleSize(0.1, 45_722, 192), 4573);
  assert.equal(sampleSize(0.001, 45_722, 192), 192);
  assert.equal(sampleSize(0.5, 100, 192), 100);
});
