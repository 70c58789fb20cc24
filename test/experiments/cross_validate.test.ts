// Cross-validated scores: every class is scored by a model that has not learned it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { randomStream } from "guie/dist/common/random";
import { sliceRows, type Vectors } from "guie/dist/common/vectors";
import { overrideConfig } from "guie/dist/config/config";
import { tiny } from "guie/dist/config/presets";
import { scoreRetrievalSet } from "guie/dist/embedding/embed_images";
import {
  CrossValidation,
  crossValidate,
  type Fit,
  neckFit,
  rawFit,
  standardisedFit,
  whitenedFit,
} from "guie/dist/experiments/cross_validate";

const LENGTH = 6;

/** Draws classes of images; two features tell the classes apart, four are loud noise. */
function draw(classes: number, perClass: number): { features: Vectors; labels: number[] } {
  const labels = Array.from({ length: classes * perClass }, (_, i) => 10 + (i % classes));
  const rows = labels.map((label, row) => {
    const [centre, noise] = [randomStream(1, "centre", label), randomStream(2, "noise", row)];
    return Array.from({ length: LENGTH }, (_, i) =>
      i < 2 ? centre.normal() + 0.2 * noise.normal() : 3 * noise.normal(),
    );
  });
  return { features: { data: Float32Array.from(rows.flat()), count: rows.length, length: LENGTH }, labels };
}

test("features as they are have the score of leave-one-out over all images, whatever the folds", async () => {
  const { features, labels } = draw(7, 5);
  const own = Int32Array.from(labels, (_, row) => row);
  const whole = { queries: features, queryLabels: labels, index: features, indexLabels: labels, own };
  const { mp5, r1 } = await scoreRetrievalSet(whole);
  for (const folds of [2, 5, 100]) {
    const [row] = await crossValidate(features, labels, { raw: rawFit }, { folds });
    assert.equal(row!.scores.mp5.mean, mp5);
    assert.equal(row!.scores.r1.mean, r1);
    assert.deepEqual([row!.queries, row!.classes, row!.trainedOn], [35, 7, 0]);
  }
});

test("a model is never fitted to the classes that it is scored on, and labels are numbered anew", async () => {
  const { features, labels } = draw(7, 3);
  const seen: number[][] = [];
  const spy: Fit = async (train, numbers) => {
    assert.equal(train.count, numbers.length);
    assert.deepEqual(
      [...new Set(numbers)].sort(),
      Array.from({ length: new Set(numbers).size }, (_, i) => i),
    );
    const rows = Array.from({ length: train.count }, (_, row) => train.data[row * LENGTH]!);
    seen.push(
      rows.map((value) => labels[Array.from(labels, (_, i) => features.data[i * LENGTH]).indexOf(value)]!),
    );
    return rawFit(train, numbers);
  };
  await crossValidate(features, labels, { spy }, { folds: 3 });
  assert.equal(seen.length, 3);
  const scored = seen.flatMap((learned) => [...new Set(labels)].filter((label) => !learned.includes(label)));
  assert.deepEqual(scored.sort(), [...new Set(labels)].sort(), "each class is left out once");
});

test("a model whose folds do not fit into what is left is given up; the next one is compared as if it were not there", async () => {
  const { features, labels } = draw(12, 8);
  const validation = new CrossValidation(features, labels, { against: "best", resamples: 50 });
  await validation.score("raw", rawFit);
  const limit = { leftSeconds: () => 9, foldSeconds: 2 };
  assert.equal(await validation.score("late", whitenedFit, limit), undefined, "5 folds of 2 s take 10 s");
  const row = await validation.score("whitened", whitenedFit, { ...limit, foldSeconds: 1 });
  assert.equal(row!.against, "raw");
  assert.deepEqual(row!.fromFirst, row!.scores.mp5.difference);
  const again = await validation.score("again", whitenedFit);
  const { fromFirst, against, scores } = again!;
  assert.deepEqual(fromFirst, row!.fromFirst, "the yardstick stays the first");
  assert.equal(against, row!.fromFirst!.low > 0 ? "whitened" : "raw");
  assert.equal(scores.mp5.mean, row!.scores.mp5.mean);
});

test("rows are compared with the first model, with the intervals of a paired bootstrap", async () => {
  const { features, labels } = draw(12, 8);
  const models = { raw: rawFit, standardised: standardisedFit, whitened: whitenedFit };
  const [raw, standard, whitened] = await crossValidate(features, labels, models, { resamples: 200 });
  assert.equal(raw!.scores.mp5.difference, undefined);
  assert.equal(standard!.against, "raw");
  assert.ok(standard!.scores.mp5.difference!.low > 0, "standardising quietens the noise");
  assert.ok(whitened!.scores.mp5.mean > raw!.scores.mp5.mean);
});

test("a neck is trained anew in each fold", async () => {
  const { features, labels } = draw(10, 8);
  const config = overrideConfig(tiny("frozen"), {
    neckStart: "whitened",
    standardise: true,
    embeddingDim: LENGTH,
    leastSteps: 60,
    maxStepsPerEpoch: 0,
  });
  const models = { raw: rawFit, neck: neckFit(config) };
  const [raw, neck] = await crossValidate(features, labels, models, { folds: 2 });
  assert.ok(neck!.scores.mp5.mean > raw!.scores.mp5.mean);
});

test("one class, one fold: the message says what is missing", async () => {
  const { features, labels } = draw(1, 4);
  await assert.rejects(crossValidate(features, labels, { raw: rawFit }), {
    name: "UserError",
    message:
      /Expected 2 classes and 2 folds or more to cross-validate, got 1 and 5\.[\s\S]*search without training/,
  });
});

test("two classes and classes of one image are scored as far as they can be", async () => {
  const { features } = draw(1, 5);
  const [row] = await crossValidate(features, [0, 0, 1, 1, 2], { raw: rawFit });
  assert.deepEqual([row!.queries, row!.queriesWithoutMatch, row!.classes], [4, 1, 2]);
  const [alone] = await crossValidate(sliceRows(features, 0, 2), [0, 1], { raw: rawFit });
  assert.deepEqual([alone!.queries, alone!.scores.mp5.mean], [0, 0]);
});

test("a model that cannot be fitted says so", async () => {
  const { features, labels } = draw(4, 2);
  await assert.rejects(
    crossValidate(features, labels, { whitened: whitenedFit }),
    /images are too few to whiten/,
  );
  const config = overrideConfig(tiny("frozen"), { batchSize: 2 });
  await assert.rejects(
    crossValidate(features, [0, 0, 0, 0, 1, 1, 1, 1], { neck: neckFit(config) }),
    /there is one class/,
  );
});
