// How often each data set is drawn, and in which order.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DataSetOrderSettings } from "guie/dist/config/parts";
import { apportion, dataSetOrder } from "guie/dist/training/data/data_set_order";
import { rowsOfStep } from "guie/dist/training/data/samplers";

/** Data sets of 64, 16 and 4 rows: 8 classes of 8 rows, 4 of 4, 2 of 2. */
const CLASSES: readonly (readonly [name: string, rows: number])[] = [
  ...new Array<[string, number]>(8).fill(["large", 8]),
  ...new Array<[string, number]>(4).fill(["middle", 4]),
  ...new Array<[string, number]>(2).fill(["small", 2]),
];
const TABLE = {
  labels: CLASSES.flatMap(([, rows], label) => new Array<number>(rows).fill(label)),
  dataSets: CLASSES.map(([name]) => name),
};
const N = 84;
const NAMES = ["large", "middle", "small"];
const STEPS = 7;

const config = (changes: Partial<DataSetOrderSettings> = {}): DataSetOrderSettings => ({
  seed: 1,
  batchSize: 8,
  sampler: "shuffle",
  samplesPerClass: 2,
  dataSetSampling: "equal",
  ...changes,
});

const SAMPLERS = ["shuffle", "class_balanced", "m_per_class"] as const;
const WAYS = ["square_root", "equal", "round_robin"] as const;
const labelOf = (number: number) => TABLE.labels[number % N]!;
const dataSetOf = (number: number) => TABLE.dataSets[labelOf(number)]!;
const countsOf = <T>(values: readonly T[], names: readonly T[]) =>
  names.map((name) => values.filter((value) => value === name).length);

test("by square root and equally: the counts of an epoch of 56 rows are exact, whatever the sampler", () => {
  for (const sampler of SAMPLERS) {
    const counts = (dataSetSampling: (typeof WAYS)[number]) =>
      countsOf(dataSetOrder(config({ sampler, dataSetSampling }), TABLE, 1, STEPS).map(dataSetOf), NAMES);
    // roots 8, 4, 2 of 14
    assert.deepEqual(counts("square_root"), [32, 16, 8], sampler);
    // 56 rows by three, or 28 runs of two rows
    assert.deepEqual(counts("equal"), sampler === "m_per_class" ? [20, 18, 18] : [19, 19, 18], sampler);
  }
});

test("parts by largest remainders", () => {
  assert.deepEqual(apportion(7, [1, 1, 1]), [3, 2, 2]);
  assert.deepEqual(apportion(10, [8, 4, 2]), [6, 3, 1]);
  assert.deepEqual(apportion(0, [1, 2]), [0, 0]);
});

test("round robin: each step has one data set, each round each data set once, in changing order", () => {
  for (const sampler of SAMPLERS) {
    const orders = Array.from({ length: 20 }, (_, i) => {
      const settings = config({ sampler, dataSetSampling: "round_robin" });
      const order = dataSetOrder(settings, TABLE, i + 1, STEPS);
      assert.equal(order.length, 56);
      return Array.from({ length: STEPS }, (_, step) => {
        const names = new Set(order.slice(8 * step, 8 * step + 8).map(dataSetOf));
        assert.equal(names.size, 1, sampler);
        return [...names][0]!;
      });
    });
    for (const names of orders)
      for (const round of [names.slice(0, 3), names.slice(3, 6)])
        assert.deepEqual(round.toSorted(), NAMES.toSorted());
    assert.ok(new Set(orders.map(String)).size > 10);
  }
});

test("the place of a data set is random: the first rows of 600 epochs, by chi-square", () => {
  const first = Array.from({ length: 600 }, (_, i) =>
    dataSetOf(dataSetOrder(config({ dataSetSampling: "square_root" }), TABLE, i + 1, STEPS)[0]!),
  );
  const expected = [8, 4, 2].map((root) => (600 * root) / 14);
  const chiSquare = countsOf(first, NAMES).reduce(
    (sum, count, i) => sum + (count - expected[i]!) ** 2 / expected[i]!,
    0,
  );
  assert.ok(chiSquare < 13.8, `${chiSquare}: beyond 0.999 of two degrees of freedom`);
});

test("within a data set: shuffle draws rows, class_balanced classes, equally often up to one", () => {
  const rowsOf = (order: readonly number[], name: string) =>
    order.filter((number) => dataSetOf(number) === name).map((number) => number % N);
  const isEven = (counts: readonly number[]) => Math.max(...counts) - Math.min(...counts) <= 1;
  for (const name of NAMES) {
    const rows = rowsOf(dataSetOrder(config(), TABLE, 3, 70), name);
    const all = TABLE.labels.flatMap((_, row) => (dataSetOf(row) === name ? [row] : []));
    assert.ok(isEven(countsOf(rows, all)), name);
    const balanced = dataSetOrder(config({ sampler: "class_balanced" }), TABLE, 3, STEPS);
    const labels = TABLE.dataSets.flatMap((own, label) => (own === name ? [label] : []));
    assert.ok(isEven(countsOf(rowsOf(balanced, name).map(labelOf), labels)), name);
  }
});

test("m per class: runs of distinct rows of a class; a class comes again only when the step has all of its data set", () => {
  for (const dataSetSampling of WAYS) {
    const order = dataSetOrder(config({ sampler: "m_per_class", dataSetSampling }), TABLE, 2, 40);
    for (let step = 0; step < 40; step++) {
      const runs = Array.from({ length: 4 }, (_, i) => order.slice(8 * step + 2 * i, 8 * step + 2 * i + 2));
      for (const [one, other] of runs) {
        assert.equal(labelOf(one!), labelOf(other!));
        assert.notEqual(one! % N, other! % N);
      }
      for (const [name, size] of [
        ["large", 8],
        ["middle", 4],
        ["small", 2],
      ] as const) {
        const labels = runs.map(([row]) => labelOf(row!)).filter((label) => TABLE.dataSets[label] === name);
        assert.equal(new Set(labels).size, Math.min(size, labels.length), `${dataSetSampling} ${name}`);
      }
    }
  }
});

test("a row that comes again in an epoch has another number", () => {
  const order = dataSetOrder(config(), TABLE, 1, STEPS);
  const small = order.filter((number) => dataSetOf(number) === "small");
  assert.equal(small.length, 18);
  assert.equal(new Set(order).size, order.length);
  // four rows, 18 times: each comes four or five times
  assert.deepEqual([...new Set(small.map((number) => Math.floor(number / N)))].toSorted(), [0, 1, 2, 3, 4]);
});

test("two ranks' batches, in pieces or not, are the doubled batch of one; seed and epoch decide", () => {
  for (const sampler of SAMPLERS) {
    for (const dataSetSampling of WAYS) {
      const settings = config({ sampler, dataSetSampling });
      const one = dataSetOrder({ ...settings, batchSize: 16 }, TABLE, 1, 3);
      const two = [0, 1].map((rank) => {
        const shard = { rank, worldSize: 2 };
        return rowsOfStep(dataSetOrder(settings, TABLE, 1, 3, shard), 8, 2, shard);
      });
      assert.deepEqual(two.flat(), one.slice(16, 32));
      if (dataSetSampling === "round_robin") assert.equal(new Set(two.flat().map(dataSetOf)).size, 1);
      assert.deepEqual(dataSetOrder({ ...settings, batchSize: 16 }, TABLE, 1, 3), one);
      assert.notDeepEqual(dataSetOrder({ ...settings, batchSize: 16 }, TABLE, 2, 3), one);
      assert.notDeepEqual(dataSetOrder({ ...settings, batchSize: 16, seed: 2 }, TABLE, 1, 3), one);
    }
  }
});

test("rows without data sets, or of one only, are refused", () => {
  const order = (dataSets: string[] | undefined) => () =>
    dataSetOrder(config(), { labels: [0, 1], dataSets }, 1, 1);
  assert.throws(order(undefined), /dataSetSampling = equal needs to know of which data set each class is/);
  assert.throws(
    order(["a", "a"]),
    /needs several data sets: all classes of the training table are of one \(a\)/,
  );
});
