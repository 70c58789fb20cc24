// Retrieval metrics, bootstrap, comparisons, reductions, and the recall of the approximate index.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { randomStream } from "guie/dist/common/random";
import type { Vectors } from "guie/dist/common/vectors";
import { buildApproximateIndex, openApproximateIndex, recallOf } from "guie/dist/retrieval/approximate";
import { bootstrapMeans, intervalOf, quantile } from "guie/dist/retrieval/bootstrap";
import { comparisonTable } from "guie/dist/retrieval/comparison_table";
import { datasetConfusion } from "guie/dist/retrieval/confusion";
import { compareModels } from "guie/dist/retrieval/evaluation";
import { averagePrecisionAtR, MEASURES, meanOf, scoreQueries } from "guie/dist/retrieval/metrics";
import { nearestNeighbours } from "guie/dist/retrieval/neighbours";
import { fitPca, randomProjection, reduceRows } from "guie/dist/retrieval/reduction";
import { readReduction, writeReduction } from "guie/dist/retrieval/reduction_file";
import { temporaryFolder } from "../folders";

const golden = JSON.parse(readFileSync(installPath("test/golden/retrieval.json"), "utf8"));
const goldenVectors: Vectors = { data: Float32Array.from(golden.vectors), count: 60, length: 8 };
const goldenRows: Vectors = { data: Float32Array.from(golden.rows), count: 40, length: 6 };

test("mAP@R and Recall@k equal values computed by hand", () => {
  // R = 3, right at ranks 1 and 3: (1/1 + 2/3) / 3; ranks after R do not count
  assert.equal(averagePrecisionAtR([true, false, true, true], 3), (1 + 2 / 3) / 3);
  assert.equal(averagePrecisionAtR([false, false], 2), 0);
  assert.equal(averagePrecisionAtR([true, true], 2), 1);
  const late = [false, false, false, false, false, true];
  assert.deepEqual(
    [MEASURES.r1, MEASURES.r5, MEASURES.r10].map(({ ofQuery }) => ofQuery(late, 1)),
    [0, 0, 1],
  );
});

test("mAP@R of queries that are the index equals NumPy's", async () => {
  const { positions } = await nearestNeighbours(goldenVectors, goldenVectors, 59, { own: "same" });
  const ownPositions = golden.labels.map((_: number, query: number) => query);
  const { values, expected } = scoreQueries(positions, golden.labels, golden.labels, { ownPositions });
  assert.equal(expected.filter((count) => count > 0).length, golden.queries);
  assert.ok(Math.abs(meanOf(values.mapAtR) - golden.mapAtR) < 1e-12);
});

test("a ranking too short for a measure is refused", () => {
  const index = Array(30).fill(4);
  assert.throws(() => scoreQueries([[0, 1, 2, 3, 4]], [4], index), /R@10 needs the first 10 neighbours/);
  const { values } = scoreQueries([[0, 1, 2, 3, 4]], [4], index, { measures: ["mp5"] });
  assert.deepEqual([values.mp5[0], values.r1[0]], [1, Number.NaN]);
});

test("the bootstrap over classes gives the error of a mean over independent classes, the same for the same seed", () => {
  const random = randomStream(3, "bootstrap test");
  const [classes, perClass] = [200, 4];
  const ofClass = Array.from({ length: classes }, () => random.normal());
  const labels = Array.from({ length: classes * perClass }, (_, i) => Math.floor(i / perClass));
  const values = labels.map((label) => ofClass[label]!);
  const [means] = bootstrapMeans(labels, [values], { resamples: 4000 });
  const mean = ofClass.reduce((a, b) => a + b) / classes;
  const deviation = Math.sqrt(ofClass.reduce((sum, value) => sum + (value - mean) ** 2, 0) / classes);
  const { low, high } = intervalOf(means!);
  const standardError = deviation / Math.sqrt(classes);
  // resampling queries instead would give half of it: each class has four
  assert.ok(Math.abs((high - low) / (2 * 1.96 * standardError) - 1) < 0.05);
  assert.ok(Math.abs((low + high) / 2 - mean) < 0.1 * standardError);
  assert.deepEqual(bootstrapMeans(labels, [values], { resamples: 4000 })[0], means);
  assert.notDeepEqual(bootstrapMeans(labels, [values], { resamples: 4000, seed: 1 })[0], means);
  assert.equal(quantile([1, 2, 4, 8], 0.5), 3);
});

test("a comparison has paired differences, data sets, their own index, and queries without a match", async () => {
  const onAxis = (axis: number, tilt = 0) => [0, 1, 2, 3].map((i) => (i === axis ? 1 : tilt));
  const vectorsOf = (rows: number[][]): Vectors => {
    return { data: Float32Array.from(rows.flat()), count: rows.length, length: 4 };
  };
  const index = vectorsOf([0, 1, 2, 3].map((axis) => onAxis(axis)));
  const labels = {
    queryLabels: [0, 1, 2, 9],
    indexLabels: [0, 1, 2, 3],
    queryDatasets: ["a", "a", "b", "b"],
    indexDatasets: ["a", "a", "b", "b"],
  };
  const good = { name: "good", queries: vectorsOf([0, 1, 2, 3].map((axis) => onAxis(axis, 0.1))), index };
  // confuses a query of class 0 with class 2, of another data set: right in its own index
  const bad = { name: "bad", queries: vectorsOf([[0.9, 0, 1, 0], onAxis(1), onAxis(2), onAxis(3)]), index };
  const rows = await compareModels([good, bad], labels, { resamples: 200 });
  const seen = rows.map(
    ({ model, dataset, index, queries, queriesWithoutMatch, scores }) =>
      [
        model,
        dataset,
        index,
        queries,
        queriesWithoutMatch,
        scores.r1.mean,
        scores.r1.difference?.mean,
      ] as const,
  );
  assert.deepEqual(seen, [
    ["good", "all", "merged", 3, 1, 1, undefined],
    ["bad", "all", "merged", 3, 1, 2 / 3, 2 / 3 - 1],
    ["good", "a", "merged", 2, 0, 1, undefined],
    ["bad", "a", "merged", 2, 0, 0.5, -0.5],
    ["good", "a", "own", 2, 0, 1, undefined],
    ["bad", "a", "own", 2, 0, 1, 0],
    ["good", "b", "merged", 1, 1, 1, undefined],
    ["bad", "b", "merged", 1, 1, 1, 0],
    ["good", "b", "own", 1, 1, 1, undefined],
    ["bad", "b", "own", 1, 1, 1, 0],
  ]);
  const { difference } = rows[1]!.scores.r1;
  assert.ok(difference!.low >= -1 && difference!.low < difference!.high && difference!.high === 0);
  const [first, second] = comparisonTable(rows, { measures: ["r1"] });
  assert.equal(first!["R@1"], "1.000 [1.000, 1.000]");
  assert.match(String(second!["R@1 against first"]), /^-0\.333 \[-/);
  const { positions } = await nearestNeighbours(bad.queries, index, 1);
  assert.deepEqual(datasetConfusion(positions, labels), [
    { dataset: "a", queries: 2, wrong: 1, shares: { a: 0, b: 1 } },
    { dataset: "b", queries: 1, wrong: 0, shares: { a: 0, b: 0 } },
  ]);
});

test("rung by rung, each model is compared with the previous one, which is named", async () => {
  const vectorsOf = (rows: number[][]): Vectors => {
    return { data: Float32Array.from(rows.flat()), count: rows.length, length: 2 };
  };
  const [right, wrong] = [
    [1, 0],
    [0, 1],
  ] as [number[], number[]];
  const index = vectorsOf([right, wrong]);
  const labels = { queryLabels: [0, 1, 0, 1], indexLabels: [0, 1] };
  const model = (name: string, hits: number) => {
    const rows = labels.queryLabels.map((label, query) => (query < hits === (label === 0) ? right : wrong));
    return { name, queries: vectorsOf(rows), index };
  };
  const models = [model("pixels", 1), model("backbone", 3), model("tuned", 4)];
  const differences = async (against: "first" | "previous") => {
    const rows = await compareModels(models, labels, { resamples: 50, against });
    return rows.map(({ against, scores }) => [against, scores.r1.difference?.mean]);
  };
  assert.deepEqual(await differences("first"), [
    [undefined, undefined],
    ["pixels", 0.5],
    ["pixels", 0.75],
  ]);
  assert.deepEqual(await differences("previous"), [
    [undefined, undefined],
    ["pixels", 0.5],
    ["backbone", 0.25],
  ]);
  const rows = await compareModels(models, labels, { resamples: 50, against: "previous" });
  const cells = comparisonTable(rows, { measures: ["r1"] });
  assert.deepEqual(Object.keys(cells[0]!), ["model", "R@1", "R@1 gain", "against", "count", "classes"]);
  assert.deepEqual(
    cells.map(({ against }) => against),
    ["", "pixels", "backbone"],
  );
  assert.equal(cells[0]!["R@1 gain"], "");
  assert.match(String(cells[1]!["R@1 gain"]), /^\+0\.500 \[/);
  assert.match(String(cells[2]!["R@1 gain"]), /^\+0\.250 \[/);
});

test("PCA and whitening equal scikit-learn's, up to the sign of each direction", async () => {
  for (const kind of ["pca", "whitened"] as const) {
    const fitted = await fitPca(goldenRows, 3, kind === "whitened");
    const { variances, reduced } = golden[kind];
    for (const [d, variance] of fitted.variances.entries())
      assert.ok(Math.abs(variance / variances[d] - 1) < 1e-10, `${kind}: variance ${d}`);
    const ours = reduceRows(goldenRows, fitted).data;
    for (let d = 0; d < 3; d++) {
      const sign = Math.sign(ours[d]! * reduced[d]);
      for (let row = 0; row < 40; row++) {
        const difference = Math.abs(ours[row * 3 + d]! * sign - reduced[row * 3 + d]);
        // rows are 100 away from the origin, and mean and matrix are float32
        assert.ok(difference < 2e-5 * (kind === "pca" ? 1 : 10), `${kind}: ${difference}`);
      }
    }
  }
  await assert.rejects(fitPca(goldenRows, 7), /can give 1 to 6 dimensions, not 7/);
});

test("a random projection preserves lengths on average; a reduction can be written and read", async (context) => {
  const reduction = randomProjection(500, 200, 3);
  const data = Float32Array.from({ length: 500 }, () => 1);
  const reduced = reduceRows({ data, count: 1, length: 500 }, reduction);
  const square = reduced.data.reduce((sum, value) => sum + value * value, 0);
  assert.ok(Math.abs(square / 500 - 1) < 0.3); // standard deviation: sqrt(2 / 200) = 0.1
  const path = join(temporaryFolder(context), "reduction.safetensors");
  await writeReduction(path, reduction);
  assert.deepEqual(readReduction(path), reduction);
});

test("the recall of the approximate index counts any of several equally near rows", async () => {
  const random = randomStream(6, "copies");
  const distinct = Float32Array.from({ length: 20 * 16 }, () => random.normal());
  // 400 rows: 20 vectors, each twenty times
  const data = new Float32Array(400 * 16);
  for (let row = 0; row < 400; row++)
    data.set(distinct.subarray((row % 20) * 16, ((row % 20) + 1) * 16), row * 16);
  const rows: Vectors = { data, count: 400, length: 16 };
  const queries: Vectors = { data: distinct, count: 20, length: 16 };
  const [exact, found] = [
    await nearestNeighbours(queries, rows, 5),
    await (await buildApproximateIndex(rows)).search(queries, 5),
  ];
  const isCopy = found.positions.every((list, query) => list.every((row) => row % 20 === query));
  assert.ok(isCopy, "all neighbours are copies of the query");
  assert.equal(recallOf(found, exact), 1);
  const missed = {
    ...found,
    cosines: found.cosines.map((list) => Float32Array.from(list, (cosine, i) => (i < 2 ? cosine : 0.9))),
  };
  assert.equal(recallOf(missed, exact), 2 / 5);
});

test("the approximate index finds nearly all exact neighbours, and the same ones after save and load", async (context) => {
  const random = randomStream(5, "approximate");
  const rows: Vectors = {
    data: Float32Array.from({ length: 2000 * 16 }, () => random.normal()),
    count: 2000,
    length: 16,
  };
  const queries: Vectors = { data: rows.data.subarray(0, 100 * 16), count: 100, length: 16 };
  const exact = await nearestNeighbours(queries, rows, 5);
  const index = await buildApproximateIndex(rows);
  const found = await index.search(queries, 5);
  const recall = recallOf(found, exact);
  assert.ok(recall > 0.97, `recall ${recall}`);
  assert.ok(
    found.positions.every((list, query) => list[0] === query && found.cosines[query]![0]! > 1 - 1e-5),
  );
  const path = join(temporaryFolder(context), "index.usearch");
  await index.save(path);
  const loaded = openApproximateIndex(path, 16);
  assert.equal(loaded.count, 2000);
  assert.deepEqual((await loaded.search(queries, 5)).positions, found.positions);
  assert.throws(() => openApproximateIndex(path, 32), /Expected rows of 32 numbers .* found rows of 16/);
  assert.throws(() => openApproximateIndex(`${path}.not`, 16), /there is none/);
});
