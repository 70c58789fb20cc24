// The statistics of a verdict against NumPy and scikit-learn (golden/verdict.json, made by make_verdict.py), and by hand.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { randomStream } from "guie/dist/common/random";
import { rowsIn, type Vectors } from "guie/dist/common/vectors";
import { figureSvg } from "guie/dist/notebook/output/figure";
import { scoresFigure, verdictFigure } from "guie/dist/notebook/views/verdict_figures";
import { answersOf, checkedCalibration, fitCalibration, reliabilityOf } from "guie/dist/verdict/calibration";
import { mostAccepted, operatingPointInconsistency } from "guie/dist/verdict/class_spread";
import { judge } from "guie/dist/verdict/judge";
import { type Matches, matchQueries, PAIR_BINS } from "guie/dist/verdict/matches";
import {
  auroc,
  fnirAtFpir,
  fnmrAtFmr,
  knownScores,
  mp5WithRejection,
  precisionAtShare,
  ratesAt,
  rocCurve,
  scoreHistogram,
} from "guie/dist/verdict/rates";
import { verdictReport } from "guie/dist/verdict/report";
import { leastImpostors, tailScore, thresholdFor } from "guie/dist/verdict/threshold";
import { verdictTable } from "guie/dist/verdict/verdict_table";

const golden = JSON.parse(readFileSync(installPath("test/golden/verdict.json"), "utf8"));
const rows = rowsIn(Float32Array.from(golden.rows), golden.labels.length) as Vectors;
const all = {
  queries: rows,
  queryLabels: golden.labels,
  index: rows,
  indexLabels: golden.labels,
  own: "same",
} as const;

/** Two classes of two queries: a 1-D picture of a verdict. */
const SMALL: Matches = {
  labels: [0, 0, 1, 1],
  mate: Float64Array.of(0.9, 0.6, 0.8, Number.NaN),
  impostor: Float64Array.of(0.5, 0.7, 0.3, 0.4),
  pairs: { genuine: new Float64Array(PAIR_BINS), impostor: new Float64Array(PAIR_BINS) },
};

function assertNear(value: number, expected: number, tolerance = 1e-5): void {
  assert.ok(Math.abs(value - expected) < tolerance, `${value}, expected ${expected}`);
}

/** Returns impostors of classes that differ among each other. */
function drawnImpostors(seed: number, classes: number, each: number) {
  const random = randomStream(seed, "impostors");
  const labels: number[] = [];
  const scores: number[] = [];
  for (let label = 0; label < classes; label++) {
    const centre = 0.05 * random.normal();
    for (let query = 0; query < each; query++) {
      labels.push(label);
      scores.push(centre + 0.1 * random.normal());
    }
  }
  return { labels, scores };
}

test("the best scores of queries equal NumPy's; a query alone in its class has no mate", async () => {
  const { mate, impostor } = await matchQueries(all);
  for (const [query, score] of mate.entries())
    if (golden.mate[query] === null) assert.ok(Number.isNaN(score));
    else assertNear(score, golden.mate[query], 1e-6);
  for (const [query, score] of impostor.entries()) assertNear(score, golden.impostor[query], 1e-6);
});

test("rates, area under the ROC and logistic curve equal NumPy's and scikit-learn's", async () => {
  const matches = await matchQueries(all);
  const rates = ratesAt(matches, golden.threshold);
  for (const [name, value] of Object.entries(golden.rates))
    assertNear(rates[name as keyof typeof rates], value as number, 1e-12);
  assertNear(auroc(knownScores(matches), matches.impostor), golden.auroc, 1e-9);
  const { intercept, slope } = fitCalibration(answersOf(matches, 0.5));
  assertNear(intercept, golden.calibration.intercept, 1e-4 * Math.abs(golden.calibration.intercept));
  assertNear(slope, golden.calibration.slope, 1e-4 * golden.calibration.slope);
});

test("the tail of repeated scores equals the one by NumPy of the scores written out", () => {
  const [scores, repeats] = [Float64Array.from(golden.scores), Float64Array.from(golden.repeats)];
  assertNear(tailScore(scores, repeats, 0.01), golden.tail, 1e-9);
});

test("weights that are whole numbers count like copies", () => {
  const weights = [2, 1, 0, 3];
  const rowsOf = <T>(values: ArrayLike<T>) =>
    weights.flatMap((weight, query) => new Array<T>(weight).fill(values[query]!));
  const copies: Matches = {
    ...SMALL,
    labels: rowsOf(SMALL.labels),
    mate: Float64Array.from(rowsOf(SMALL.mate)),
    impostor: Float64Array.from(rowsOf(SMALL.impostor)),
  };
  assert.deepEqual(ratesAt(SMALL, 0.45, weights), ratesAt(copies, 0.45));
  assert.equal(
    auroc(knownScores(SMALL), SMALL.impostor, weights),
    auroc(knownScores(copies), copies.impostor),
  );
});

test("rates by hand: a query is right if its own class is nearer than all others", () => {
  // three queries have their class in the index: one right at 0.9, one wrong at 0.7, one right at 0.8
  assert.deepEqual(ratesAt(SMALL, 0.75), { falseAccept: 0, trueAccept: 2 / 3, wrongAccept: 0 });
  assert.deepEqual(ratesAt(SMALL, 0.5), { falseAccept: 2 / 4, trueAccept: 2 / 3, wrongAccept: 1 / 3 });
  assert.deepEqual(ratesAt(SMALL, 0.9), { falseAccept: 0, trueAccept: 1 / 3, wrongAccept: 0 });
  // known 0.9 0.7 0.8 against 0.5 0.7 0.3 0.4: eleven wins and a tie of twelve
  assertNear(auroc(knownScores(SMALL), SMALL.impostor), 11.5 / 12, 1e-12);
  // 0.9 and 0.8 are at least the median 0.45: 1 - 2/3
  assertNear(fnirAtFpir(SMALL, 0.5), 1 / 3, 1e-12);
  const roc = rocCurve(SMALL);
  assert.deepEqual(
    roc.map(({ threshold }) => threshold),
    [0.7, 0.5, 0.4, 0.3],
  );
});

test("mP@5 with rejection and precision at a share, by hand", () => {
  const precisions = [1, 0.4, 0.8, Number.NaN];
  // at 0.75: (1 + 0 + 0.8) / 3 of the known, all four impostors rejected
  assertNear(mp5WithRejection(SMALL, precisions, 0.75, 0.5), 0.5 * 0.6 + 0.5, 1e-12);
  assertNear(mp5WithRejection(SMALL, precisions, 0.5, 0.25), 0.75 * (2.2 / 3) + 0.25 * 0.5, 1e-12);
  const rates = { trueAccept: 0.8, wrongAccept: 0.1, falseAccept: 0.05 };
  assertNear(precisionAtShare(rates, 0), 0.8 / 0.9, 1e-12);
  assertNear(precisionAtShare(rates, 0.9), 0.08 / (0.09 + 0.045), 1e-12);
  assert.equal(precisionAtShare(rates, 1), 0);
});

test("verification counts pairs: the miss rate at the lowest threshold that lets in no more impostor pairs than promised", () => {
  const pairs = { genuine: new Float64Array(PAIR_BINS), impostor: new Float64Array(PAIR_BINS) };
  for (const [cosine, list] of [
    [0.9, pairs.genuine],
    [0.3, pairs.genuine],
    [0.6, pairs.impostor],
    [0.2, pairs.impostor],
    [0.1, pairs.impostor],
    [0, pairs.impostor],
  ] as const)
    list[Math.floor(((cosine + 1) / 2) * PAIR_BINS)]!++;
  assert.equal(fnmrAtFmr({ pairs }, 0.2), 0.5); // none of four is let in: the threshold is above 0.6, and 0.3 is missed
  assert.equal(fnmrAtFmr({ pairs }, 0.25), 0); // 0.6 is let in: the threshold is above 0.2, below 0.3
});

test("the spread over classes is 0 for equal classes, and the class that is taken for another is named", () => {
  const equal = {
    ...SMALL,
    mate: Float64Array.of(0.9, 0.9, 0.9, 0.9),
    impostor: Float64Array.of(0, 0.5, 0, 0.5),
  };
  assert.equal(operatingPointInconsistency(equal, 0.1), 0);
  assert.ok(operatingPointInconsistency(SMALL, 0.1) > 0);
  assert.deepEqual(mostAccepted(SMALL, 0.45, 5), [{ label: 0, queries: 2, falseAccept: 1 }]);
});

test("a threshold keeps its promise on classes that it has not seen in most draws; the plain estimate in half", () => {
  let [kept, plain] = [0, 0];
  const draws = 40;
  for (let draw = 0; draw < draws; draw++) {
    const [seen, others] = [drawnImpostors(2 * draw, 60, 10), drawnImpostors(2 * draw + 1, 2_000, 10)];
    const { value, estimate, low, high } = thresholdFor(seen, 0.05, { resamples: 200 });
    assert.ok(low <= estimate && estimate <= high && estimate < value);
    const rateAt = (threshold: number) =>
      others.scores.filter((score) => score >= threshold).length / others.scores.length;
    if (rateAt(value) <= 0.05) kept++;
    if (rateAt(estimate) <= 0.05) plain++;
  }
  assert.ok(kept >= 0.7 * draws, `${kept} of ${draws}`);
  assert.ok(plain < kept, `${plain} of ${draws}`);
});

test("a rate that too few queries can show is refused, with what is possible", () => {
  assert.equal(leastImpostors(0.01), 300);
  const { labels, scores } = drawnImpostors(1, 29, 10);
  assert.throws(() => thresholdFor({ labels, scores }, 0.01), /Too few classes.*300.*290 of 29 classes/s);
  assert.throws(() => thresholdFor({ labels: scores.map(() => 0), scores }, 0.05), /of 1 class/);
  assert.throws(() => thresholdFor({ labels, scores }, 0), /above 0/);
  assert.doesNotThrow(() => thresholdFor({ labels, scores }, 0.02, { resamples: 10 }));
});

test("probabilities rise with the score; bins of equal weight cover all answers", async () => {
  const matches = await matchQueries(all);
  const { slope, reliability, error } = checkedCalibration(matches, 0.5);
  assert.ok(slope > 0 && error < 0.2, `${slope} ${error}`);
  assertNear(
    reliability.reduce((sum, { share }) => sum + share, 0),
    1,
    1e-9,
  );
  const said = Float64Array.of(0.1, 0.9, 0.2, 0.8);
  const bins = reliabilityOf(said, {
    truths: Uint8Array.of(0, 1, 0, 1),
    weights: Float64Array.of(1, 1, 1, 1),
  });
  assert.deepEqual(
    bins.map(({ said, seen }) => [said, seen]),
    [
      [0.1, 0],
      [0.2, 0],
      [0.8, 1],
      [0.9, 1],
    ],
  );
});

test("a report holds rates with intervals, for all queries and for each data set", async () => {
  const queryDatasets = golden.labels.map((label: number) => (label < 6 ? "a" : "b"));
  const matches = await matchQueries({ ...all, queryDatasets });
  const report = verdictReport(matches, { rate: 0.1, unknown: 0.5, resamples: 50 });
  for (const { mean, low, high } of [report.trueAccept, report.falseAccept, report.auroc])
    assert.ok(low <= mean && mean <= high);
  assert.deepEqual(
    report.datasets.map(({ dataset }) => dataset),
    ["a", "b"],
  );
  assert.equal(report.datasets[0]!.queries + report.datasets[1]!.queries, 90);
  const [a, b] = report.datasets;
  assertNear(
    (a!.falseAccept * a!.queries + b!.falseAccept * b!.queries) / 90,
    report.falseAccept.mean,
    1e-12,
  );
});

test("each query is counted once in the distributions with and without its class", () => {
  const { scores, right, wrong, unknown } = scoreHistogram(SMALL, 5);
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  assertNear(sum(right), 2 / 3, 1e-12); // 0.9 and 0.8 of three queries whose class is there; the third finds 0.7, of another
  assertNear(sum(wrong), 1 / 3, 1e-12);
  assertNear(sum(unknown), 1, 1e-12);
  assertNear(scores[0]!, 0.36, 1e-12); // from 0.3 to 0.9
  assertNear(wrong[3]!, 1 / 3, 1e-12);
});

test("a whole verdict: the space with most right answers is taken; table and figures are drawn", async () => {
  const verdict = await judge(all, { rate: 0.1 });
  const [best] = Object.entries(verdict.accepted).sort(([, a], [, b]) => b - a);
  assert.equal(verdict.accepted[verdict.space], best![1]);
  assert.equal(verdict.byIndexImages, false, "the queries are the index");
  const cells = new Map(verdictTable(verdict).map(({ measure, value }) => [measure, value]));
  assert.match(cells.get("class in the index: accepted and right")!, /^[.\d]+ \[[.\d]+, [.\d]+\]$/);
  for (const figure of [scoresFigure(verdict), verdictFigure(verdict)])
    assert.match(await figureSvg(figure), /^<svg/);
});

test("few queries beside an index: the index's images are impostors, too", async () => {
  const few = { ...rows, count: 20, data: rows.data.slice(0, 20 * rows.length) };
  const given = { ...all, queries: few, queryLabels: golden.labels.slice(0, 20), own: undefined };
  const { byIndexImages, report } = await judge(given, { rate: 0.05 });
  assert.ok(byIndexImages);
  assert.equal(report.threshold.queries, 20 + 90);
  assert.equal(report.queries, 20);
});

test("vectors that cannot be judged are refused", async () => {
  const other = { ...rows, length: 3, data: rows.data.slice(0, 270) };
  await assert.rejects(matchQueries({ ...all, queries: other, own: undefined }), /3 numbers per row/);
  const one = { ...all, indexLabels: golden.labels.map(() => 0) };
  await assert.rejects(matchQueries(one), /two classes/);
  const broken = { ...rows, data: rows.data.map((value, i) => (i === 7 ? Number.NaN : value)) };
  await assert.rejects(matchQueries({ ...all, index: broken, own: undefined }), /Row 1 holds/);
});
