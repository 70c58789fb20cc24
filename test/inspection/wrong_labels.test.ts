// Likely wrong labels, classes that are one or two, photos unlike all others: planted in drawn vectors.
import assert from "node:assert/strict";
import { test } from "node:test";
import { randomStream } from "guie/dist/common/random";
import { stackRows, type Vectors } from "guie/dist/common/vectors";
import { eachNearness } from "guie/dist/inspection/class_nearness";
import { centredUnit, whitenedUnit } from "guie/dist/inspection/unit_vectors";
import { findOutliers, findSplitClasses } from "guie/dist/inspection/unlike";
import { findWrongLabels, LEAST_CHANCE } from "guie/dist/inspection/wrong_labels";

const [CLASSES, PER_CLASS, LENGTH] = [12, 20, 24];

/** Draws vectors of classes about random centres. */
function drawClasses(seed: number, spread = 0.35): { vectors: Vectors; labels: number[] } {
  const random = randomStream(seed, "classes");
  const normals = () => Float32Array.from({ length: LENGTH }, () => random.normal());
  const centres = Array.from({ length: CLASSES }, normals);
  const labels = Array.from({ length: CLASSES * PER_CLASS }, (_, i) => Math.floor(i / PER_CLASS));
  const rows = labels.map((label) => normals().map((value, i) => centres[label]![i]! + spread * value));
  return { vectors: stackRows(rows, LENGTH), labels };
}

test("the nearness to a class is the mean cosine of its three nearest images, without the image itself", async () => {
  const at = (degrees: number) => [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  const unit = stackRows([0, 60, 10, 20, 90, 30].map(at), 2);
  const seen: number[][] = [];
  await eachNearness(unit, [0, 1, 0, 0, 2, 0], 3, ({ classes, any }) => seen.push([...classes, any]));
  const cos = (...angles: number[]) =>
    angles.reduce((sum, angle) => sum + Math.cos((angle * Math.PI) / 180), 0) / angles.length;
  const close = (row: number[], expected: number[]) => {
    const isClose = row.every((value, i) => Math.abs(value - expected[i]!) < 1e-6);
    assert.ok(isClose, `${row} is not ${expected}`);
  };
  close(seen[0]!, [cos(10, 20, 30), cos(60), cos(90), cos(10, 20, 30)]);
  close(seen[5]!, [cos(10, 20, 30), cos(30), cos(60), cos(10, 20, 30)]);
  assert.ok(Number.isNaN(seen[4]![2]), "a class without another image");
  close([seen[4]![0]!], [cos(60, 70, 80)]);
});

test("planted wrong labels are listed with the right class, their share is estimated, and right ones are not listed", async () => {
  for (const seed of [1, 2, 3]) {
    const { vectors, labels } = drawClasses(seed);
    const random = randomStream(seed, "wrong");
    const wrong = random.shuffle(labels.map((_, i) => i)).slice(0, 24);
    const given = labels.map((label, i) =>
      wrong.includes(i) ? (label + random.integer(1, CLASSES - 1)) % CLASSES : label,
    );
    const { labels: found, share, same } = await findWrongLabels(await whitenedUnit(vectors), given, CLASSES);
    const listed = found.filter(({ chance }) => chance >= LEAST_CHANCE);
    assert.deepEqual(listed.map(({ row }) => row).sort(), wrong.sort());
    assert.deepEqual(
      listed.map(({ nearest }) => nearest),
      listed.map(({ row }) => labels[row]),
    );
    assert.ok(Math.abs(share - 0.1) <= 0.03, `share ${share}`);
    assert.deepEqual(same, []);
    assert.equal(found.length, labels.length);
  }
});

test("a class that was split by chance is one; a class that was merged of two has the widest gap", async () => {
  const { vectors, labels } = drawClasses(4);
  const split = labels.map((label, i) => (label === 3 && i % 2 === 0 ? CLASSES : label));
  const { same } = await findWrongLabels(await whitenedUnit(vectors), split, CLASSES + 1);
  assert.deepEqual(
    same.map(({ a, b }) => [a, b]),
    [[3, CLASSES]],
  );
  const merged = labels.map((label) => (label === 7 ? 2 : label));
  const [first] = findSplitClasses(centredUnit(vectors), merged, CLASSES);
  assert.equal(first!.label, 2);
  const sides = first!.groups.map((rows) => [...new Set(rows.map((row) => labels[row]))]);
  assert.deepEqual(sides.flat().sort(), [2, 7]);
});

test("classes of one or two images, and one class alone, divide nothing by zero", async () => {
  const { vectors } = drawClasses(5);
  const five = { ...vectors, count: 5, data: vectors.data.slice(0, 5 * LENGTH) };
  const unit = await whitenedUnit(five);
  const { labels, same } = await findWrongLabels(unit, [0, 0, 1, 2, 2], 3);
  assert.deepEqual(labels.map(({ row }) => row).sort(), [0, 1, 3, 4]);
  assert.ok(labels.every(({ chance }) => chance >= 0 && chance <= 1));
  assert.ok(Array.isArray(same));
  assert.deepEqual((await findWrongLabels(unit, [0, 0, 0, 0, 0], 1)).labels, []);
  assert.deepEqual(findSplitClasses(unit, [0, 0, 0, 0, 0], 1), []);
  assert.deepEqual(findOutliers(new Float64Array(3)), []);
});

test("a photo far below the median nearness is unlike, the farthest first", () => {
  const nearness = Float64Array.from({ length: 101 }, (_, i) => 0.8 + i / 1000);
  nearness[7] = 0.1;
  nearness[50] = 0.3;
  assert.deepEqual(
    findOutliers(nearness).map(({ row }) => row),
    [7, 50],
  );
});
