// The interval of a difference over seeds.
import assert from "node:assert/strict";
import { test } from "node:test";
import { randomStream } from "guie/dist/common/random";
import { bootstrapMeans, intervalOf } from "guie/dist/retrieval/bootstrap";
import { pooledDifference, type SeedScores } from "guie/dist/retrieval/pooled_difference";

const COUNT = 60;
const labels = Int32Array.from({ length: COUNT }, (_, i) => i % 12);

function drawn(seed: number, set: string, gain: number): SeedScores {
  const random = randomStream(seed, "scores of a test");
  const base = Float64Array.from({ length: COUNT }, (_, i) => (i === 5 ? Number.NaN : random.uniform()));
  return { set, labels, base, other: base.map((value) => value + gain + 0.1 * random.normal()) };
}

test("one seed: the paired bootstrap over classes", () => {
  const one = drawn(1, "a", 0.05);
  const { mean, low, high, bySeed } = pooledDifference([one]);
  const [base, other] = bootstrapMeans(labels, [one.base, one.other]);
  const expected = intervalOf(other!.map((value, i) => value - base![i]!));
  for (const [found, wanted] of [
    [low, expected.low],
    [high, expected.high],
    [bySeed[0]!, mean],
  ] as const)
    assert.ok(Math.abs(found - wanted) < 1e-9, `${found} ${wanted}`);
});

test("gains that are equal within a seed: the interval is that of the seeds' draw alone", () => {
  const [a, b] = [0.1, 0.2].map((gain, i) => {
    const { base } = drawn(i, "", 0);
    return { set: `${i}`, labels, base, other: Float64Array.from(base, (value) => value + gain) };
  });
  const { mean, low, high, bySeed } = pooledDifference([a!, b!]);
  // both draws the first seed: 1 of 4; both the second: 1 of 4
  const rounded = [mean, low, high, ...bySeed].map((value) => value.toFixed(9));
  assert.deepEqual(rounded, ["0.150000000", "0.100000000", "0.200000000", "0.100000000", "0.200000000"]);
});

test("seeds that share their queries narrow the interval less than seeds with queries of their own", () => {
  const { base, other } = drawn(1, "", 0.05);
  const width = (sets: readonly string[]) => {
    const { low, high } = pooledDifference(sets.map((set) => ({ set, labels, base, other })));
    return high - low;
  };
  const [alone, shared, separate] = [width(["a"]), width(["a", "a", "a", "a"]), width(["a", "b", "c", "d"])];
  assert.equal(shared.toFixed(9), alone.toFixed(9), "four copies are no evidence");
  assert.ok(separate < 0.75 * alone, `${separate} ${alone}`);
});

test("queries that do not count in any seed are an error", () => {
  const nothing = new Float64Array(COUNT).fill(Number.NaN);
  assert.throws(
    () => pooledDifference([{ set: "", labels, base: nothing, other: nothing }]),
    /nothing to resample/,
  );
  assert.throws(() => pooledDifference([]), /nothing to resample/);
});
