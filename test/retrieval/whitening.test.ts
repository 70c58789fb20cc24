// Whitening and LDA against scikit-learn and SciPy (golden/lda.json, made by make_lda.py), and what they refuse.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { randomStream } from "guie/dist/common/random";
import { listRows, rowsIn, type Vectors } from "guie/dist/common/vectors";
import { fitLda } from "guie/dist/retrieval/lda";
import { type Reduction, reduceRows } from "guie/dist/retrieval/reduction";
import { fitWhitening, whiteningDirections } from "guie/dist/retrieval/whitening";

const golden = JSON.parse(readFileSync(installPath("test/golden/lda.json"), "utf8"));
const rowsOf = (values: number[]) =>
  rowsIn(Float32Array.from(values), values.length / golden.length) as Vectors;
const [rows, queries] = [rowsOf(golden.rows), rowsOf(golden.queries)];

/** Returns the cosines of all pairs of reduced rows: they do not depend on the directions' order or sign. */
function cosines(given: Vectors, reduction: Reduction): number[] {
  const reduced = listRows(reduceRows(given, reduction));
  const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  return reduced.flatMap((a) => reduced.map((b) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))));
}

function assertNear(values: readonly number[], expected: readonly number[]): void {
  assert.equal(values.length, expected.length);
  for (const [i, value] of values.entries())
    assert.ok(Math.abs(value - expected[i]!) < 1e-5, `${i}: ${value}`);
}

/** Returns random rows whose first numbers vary most. */
function randomRows(count: number, length: number): Vectors {
  const random = randomStream(3, "rows", count, length);
  const data = Float32Array.from({ length: count * length }, (_, i) => random.normal() / (1 + (i % length)));
  return { data, count, length };
}

test("LDA equals one by scikit-learn's shrunken covariance within classes", async () => {
  const fitted = await fitLda(rows, golden.labels);
  assert.deepEqual([fitted.kind, fitted.from, fitted.to], ["lda", 6, 6]);
  assertNear(cosines(queries, fitted), golden.lda);
  const renamed = golden.labels.map((label: number) => 1000 - 7 * label);
  assert.deepEqual(await fitLda(rows, renamed), fitted, "the numbers of the classes do not matter");
});

test("whitening divides each direction by its variance and twice the mean variance, as in NumPy", async () => {
  assertNear(cosines(queries, (await fitWhitening(rows))!), golden.whitened);
});

test("with fewer rows than numbers, whitening keeps the directions in which the rows do not vary", async () => {
  const few = randomRows(20, 40);
  const whitening = (await fitWhitening(few))!;
  assert.deepEqual([whitening.from, whitening.to], [40, 40]);
  // a query at right angles to all rows is not lost: whitening has full rank
  const [first, second] = listRows(reduceRows(randomRows(2, 40), whitening));
  assert.ok(first!.every(Number.isFinite) && second!.every(Number.isFinite));
  const lengths = listRows(reduceRows(identity(40, whitening.mean), whitening)).map((row) =>
    Math.hypot(...row),
  );
  assert.ok(Math.min(...lengths) > 0.05 * Math.max(...lengths), `${Math.min(...lengths)}`);
});

/** Returns mean + each unit vector, [F, F]. */
function identity(length: number, mean: Float32Array): Vectors {
  const data = Float32Array.from({ length: length ** 2 }, (_, i) =>
    i % length === Math.floor(i / length) ? 1 + mean[i % length]! : mean[i % length]!,
  );
  return { data, count: length, length };
}

test("too few rows, and rows that do not vary, are not whitened; rows with NaN are refused", async () => {
  assert.deepEqual([whiteningDirections(15, 40), whiteningDirections(16, 40)], [0, 40]);
  assert.equal(await fitWhitening(randomRows(15, 4)), undefined);
  assert.equal(await fitWhitening({ data: new Float32Array(80).fill(3), count: 20, length: 4 }), undefined);
  const spoilt = randomRows(20, 4);
  spoilt.data[7] = Number.NaN;
  await assert.rejects(fitWhitening(spoilt), /Expected 20 rows of finite numbers/);
  await assert.rejects(
    fitLda(
      spoilt,
      Array.from({ length: 20 }, (_, i) => i % 2),
    ),
    /finite numbers/,
  );
});

test("LDA refuses one class, classes of one image, and another number of classes than rows", async () => {
  const given = randomRows(6, 4);
  await assert.rejects(fitLda(given, [1, 1, 1, 1, 1, 1]), /two classes or more, got one class/);
  await assert.rejects(fitLda(given, [0, 1, 2, 3, 4, 5]), /needs a class with two different images/);
  await assert.rejects(fitLda(given, [0, 1]), /Expected a class for each of 6 rows, got 2/);
  const { data } = reduceRows(given, await fitLda(given, [0, 0, 1, 2, 3, 4]));
  assert.ok(data.every(Number.isFinite), "classes of one image among others are used");
  const other = randomRows(2, 5);
  assert.throws(() => reduceRows(other, { ...goldenShape, from: 4 }), /rows of 4 numbers; these have 5/);
});

const goldenShape: Reduction = {
  kind: "lda",
  mean: new Float32Array(4),
  matrix: new Float32Array(16),
  from: 4,
  to: 4,
};
