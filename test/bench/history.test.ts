// The history of `npm run bench all`: which changes are named, and lines that were cut off.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { installPath } from "guie/dist/common/project";
import { temporaryFolder } from "../folders";

const load = (path: string) => import(pathToFileURL(installPath("bench", path)).href);

/** A result of 100 images/s, half of whose rounds had 98 to 103, at 1.2 of the peer's speed. */
const BEFORE = {
  title: "forward",
  ours: 100,
  oursQuartiles: [98, 103],
  ratio: 1.2,
  ratioQuartiles: [1.18, 1.22],
};

test("a change of more than 5 % is named where the quartiles of the rounds do not overlap", async () => {
  const { changes } = await load("overview/history.mjs");
  const now = (numbers: object) => changes(BEFORE, { ...BEFORE, ...numbers });
  assert.deepEqual(now({}), []);
  const [faster] = now({ ours: 110, oursQuartiles: [108, 112] });
  assert.equal(faster.name, "ours");
  assert.ok(Math.abs(faster.change - 0.1) < 1e-12);
  assert.equal(faster.isBetter, true);
  assert.deepEqual(now({ ours: 110, oursQuartiles: [102, 118] }), [], "103 of before is above 102");
  assert.deepEqual(now({ ours: 104.9, oursQuartiles: [104.5, 105.5] }), [], "4.9 % is not named");
  const [slower] = now({ ratio: 1.08, ratioQuartiles: [1.07, 1.1] });
  assert.equal(slower.name, "ratio");
  assert.ok(Math.abs(slower.change + 0.1) < 1e-12);
  assert.equal(slower.isBetter, false);
});

test("more memory is worse, and the first row of a machine has nothing to be compared with", async () => {
  const { changes } = await load("overview/history.mjs");
  const before = { title: "peak", measure: "memory", ours: 1000, ratio: 1 };
  const now = { ...before, ours: 1250, ratio: 0.8 };
  const found = changes(before, now).map(({ name, change, isBetter }: Record<string, number>) => [
    name,
    Math.round(1000 * change!),
    isBetter,
  ]);
  assert.deepEqual(found, [
    ["ours", 250, false],
    ["ratio", -200, false],
  ]);
  assert.deepEqual(changes(undefined, now), []);
  assert.deepEqual(
    changes(before, { ...before, theirs: null, ratio: null }),
    [],
    "a missing peer is no change",
  );
});

test("a row whose peer was missing is compared with, but does not hide, the last whole one", async () => {
  const { lastOf } = await load("overview/history.mjs");
  const alone = { ...BEFORE, ours: 90, ratio: null };
  assert.equal(lastOf([BEFORE, alone], "forward"), BEFORE);
  assert.equal(lastOf([alone], "forward"), alone);
  assert.equal(lastOf([BEFORE], "step"), undefined);
});

test("a line that was cut off is told, and the next one is not glued to it", async (t) => {
  const { appendResult, readHistory } = await load("overview/history.mjs");
  const file = join(temporaryFolder(t), "machine.jsonl");
  assert.deepEqual(readHistory(file), { results: [], broken: [] });
  appendResult(file, BEFORE);
  writeFileSync(file, `${readFileSync(file, "utf8")}{"title":"forward","ours":11`);
  appendResult(file, { ...BEFORE, ours: 120 });
  const { results, broken } = readHistory(file);
  assert.deepEqual(
    results.map(({ ours }: { ours: number }) => ours),
    [100, 120],
  );
  assert.deepEqual(broken, [{ line: 2, text: '{"title":"forward","ours":11' }]);
});

test("quartiles are interpolated between neighbouring rounds", async () => {
  const { median, quartiles } = await load("shared/numbers.mjs");
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.deepEqual(quartiles([5, 1, 4, 2, 3]), [2, 4]);
  assert.deepEqual(quartiles([1, 2, 3, 4]), [1.75, 3.25]);
});

test("the summary has the ten worst ratios, worst first, with what is wanted", async () => {
  const { summary } = await load("overview/summary.mjs");
  const rows = Array.from({ length: 12 }, (_, i) => ({
    title: `row ${i}`,
    ratio: (i + 1) / 10,
    wanted: 0.3,
  }));
  const lines = summary([{ title: "no peer", ratio: null }, ...rows.reverse()]);
  assert.equal(lines.length, 10);
  assert.equal(lines[0], "0.10  row 0, wanted 0.3");
  assert.equal(lines[2], "0.30  row 2, wanted 0.3: reached");
});

test("exponents: 1 is linear, 2 quadratic; only the last pair of multiples is judged", async () => {
  const { growthOf } = await load("growth/exponents.mjs");
  const point = (scale: number, value: number) => ({ scale, value });
  const { exponents, isWorse } = growthOf([point(100, 2000), point(1, 2), point(10, 20)]);
  assert.deepEqual(
    exponents.map((value: number) => value.toFixed(6)),
    ["1.000000", "2.000000"],
  );
  assert.equal(isWorse, true);
  assert.equal(growthOf([point(1, 1), point(10, 100), point(100, 1000)]).isWorse, false);
  assert.deepEqual(growthOf([point(1, 5)]), { exponents: [], isWorse: false });
});
