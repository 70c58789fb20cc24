// The frozen stage on a folder of features, without tables, images or a backbone's weights.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { basename, join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { pickLabels } from "guie/dist/common/labels";
import { randomStream } from "guie/dist/common/random";
import { overrideConfig, type TrainConfig } from "guie/dist/config/config";
import { tiny } from "guie/dist/config/presets";
import { classify } from "guie/dist/embedding/embed_images";
import type { MadeBy } from "guie/dist/features/feature_files";
import { openFeatures } from "guie/dist/features/feature_files";
import { writeFeatures } from "guie/dist/features/feature_writer";
import { readMetrics, runFolder } from "guie/dist/runs/run_folder";
import { prepareRunFolder } from "guie/dist/runs/start_folder";
import { buildTraining } from "guie/dist/training/build";
import { superviseRun } from "guie/dist/training/processes/supervisor";
import { runTraining } from "guie/dist/training/run";
import { temporaryFolder } from "../folders";

const RUN = `test-features-${process.pid}`;
const LENGTH = 12;
after(() => rmSync(runFolder(RUN), { recursive: true, force: true }));

/** Writes features near the centres of classes `first` .. `first + classes - 1`. */
async function drawSet(
  folder: string,
  first: number,
  classes: number,
  perClass: number,
  more = {},
  madeBy: MadeBy = { tower: "tiny" },
): Promise<void> {
  const labels = Array.from({ length: classes * perClass }, (_, i) => i % classes);
  const data = Float32Array.from(
    labels.flatMap((label, i) => {
      const [centre, noise] = [
        randomStream(1, "centre", first + label),
        randomStream(2, basename(folder), i),
      ];
      return Array.from({ length: LENGTH }, () => centre.normal() + 0.2 * noise.normal());
    }),
  );
  const rows = {
    files: labels.map((_, i) => `${i}.jpg`),
    labels,
    folds: labels.map((_, i) => Math.floor(i / classes)),
  };
  const plan = { rows: { ...rows, ...more }, madeBy, replace: true };
  await writeFeatures(folder, plan, { data, count: labels.length, length: LENGTH });
}

function configOf(folder: string, more: Partial<TrainConfig> = {}) {
  return overrideConfig(tiny("frozen"), {
    runName: RUN,
    dataDir: "data/nowhere",
    features: folder,
    fold: 5,
    nEpochs: 20,
    initLr: 0.03,
    maxStepsPerEpoch: 0,
    s: 10,
    ...more,
  });
}

const folderOf = (t: TestContext) => join(temporaryFolder(t), "features");

test("train, queries and index: classes are learned, the fold is validated, held-out classes are retrieved", async (t) => {
  const folder = folderOf(t);
  await drawSet(join(folder, "train"), 0, 8, 6);
  await drawSet(join(folder, "queries"), 100, 5, 2);
  await drawSet(join(folder, "index"), 100, 5, 4);
  await runTraining(prepareRunFolder(configOf(folder)));
  const metrics = readMetrics(runFolder(RUN));
  const validation = metrics.filter((metric) => metric.kind === "validation").at(-1);
  const retrieval = metrics.filter((metric) => metric.kind === "retrieval").at(-1);
  const steps = metrics.filter((metric) => metric.kind === "step");
  assert.equal(steps.length, 100, "40 of 48 rows in batches of 8, for 20 epochs");
  assert.equal(validation?.images, 8);
  assert.equal(validation?.top1, 1);
  assert.equal(retrieval?.queries, 10);
  assert.ok(retrieval!.mp5 > 0.9, `mP@5 ${retrieval!.mp5}`);
});

test("a batch holds the features and classes of its images", async (t) => {
  const folder = folderOf(t);
  const labels = Array.from({ length: 24 }, (_, i) => i % 6);
  const data = Float32Array.from({ length: 24 * 2 }, (_, i) => (i % 2 === 0 ? i / 2 : labels[(i - 1) / 2]!));
  const files = labels.map((_, i) => `${i}.jpg`);
  await writeFeatures(
    folder,
    { rows: { files, labels }, madeBy: {}, replace: true },
    { data, count: 24, length: 2 },
  );
  const { trainer, data: tables } = await buildTraining(configOf(folder));
  assert.deepEqual([tables.classCount, tables.validation.files.length, trainer.stepsPerEpoch], [6, 0, 3]);
  trainer.dispose();
});

/** Writes 20 classes of 20 images, a fifth of them for validation; queries and index of other classes. */
async function drawTwenty(folder: string): Promise<void> {
  const folds = Array.from({ length: 400 }, (_, i) => Math.floor(i / 20) % 5);
  await drawSet(join(folder, "train"), 0, 20, 20, { folds });
  await drawSet(join(folder, "queries"), 100, 5, 2);
  await drawSet(join(folder, "index"), 100, 5, 4);
}

for (const shardHead of [false, true]) {
  test(`two processes validate every image once, by its own class${shardHead ? ", with a sharded head" : ""}`, async (t) => {
    const folder = folderOf(t);
    await drawTwenty(folder);
    const trained = async (processes: number) => {
      const shape = { fold: 1, nEpochs: 3, processes, batchSize: 8 / processes };
      const run = prepareRunFolder(configOf(folder, { ...shape, shardHead: shardHead && processes > 1 }), {
        overwrite: true,
      });
      await (processes === 1 ? runTraining(run) : superviseRun(run));
      return readMetrics(run).filter(({ kind }) => kind !== "step");
    };
    const [one, two] = [await trained(1), await trained(2)];
    const scores = (metrics: typeof one) =>
      metrics.flatMap((metric) => (metric.kind === "validation" ? [metric] : []));
    assert.deepEqual(
      scores(two).map(({ images, top1, top5 }) => [images, top1, top5]),
      scores(one).map(({ images, top1, top5 }) => [images, top1, top5]),
    );
    assert.ok(scores(one).every(({ images }) => images === 80));
    for (const [epoch, { loss }] of scores(one).entries())
      assert.ok(Math.abs(scores(two)[epoch]!.loss / loss - 1) < 1e-5, `epoch ${epoch + 1}`);
  });
}

test("features are standardised by the distinct training images only", async (t) => {
  const folder = folderOf(t);
  await drawTwenty(folder);
  const { trainer } = await buildTraining(configOf(folder, { fold: 1, standardise: true }));
  const mean = (await trainer.program.read("neck.feature_mean")).data as Float32Array;
  trainer.dispose();
  const { data } = openFeatures(join(folder, "train")).readAll();
  const trained = [...Array(400).keys()].filter((row) => Math.floor(row / 20) % 5 !== 1);
  for (let i = 0; i < LENGTH; i++) {
    const expected = trained.reduce((sum, row) => sum + data[row * LENGTH + i]!, 0) / trained.length;
    assert.ok(Math.abs(mean[i]! - expected) < 1e-5, `feature ${i}: ${mean[i]} instead of ${expected}`);
  }
});

test("classes that do not fit the features or the head are refused, never read as class 0", async (t) => {
  const folder = folderOf(t);
  await drawSet(folder, 0, 4, 6);
  const { trainer, data, featuresOf } = await buildTraining(configOf(folder, { fold: 1 }));
  const [head, features] = [await trainer.headWeights(), await featuresOf("validation")];
  const { labels } = data.validation;
  assert.equal(features.count, 4);
  await assert.rejects(
    classify(head, features, [...Array.from(labels), 0], trainer.config),
    /each of 4 images, got 5/,
  );
  await assert.rejects(
    classify(head, features, [0, 1, 2, 4], trainer.config),
    /0 \.\. 3, the head's classes.*class 4/,
  );
  await assert.rejects(featuresOf("validation", [4]), /4/);
  assert.throws(() => pickLabels(labels, [4]), /row 4 is past the 4 classes/);
  trainer.dispose();
});

test("errors name what does not fit: another backbone, no labels, gaps between labels, no features", async (t) => {
  const folder = folderOf(t);
  const refused = (message: RegExp, more: Partial<TrainConfig> = {}) =>
    assert.rejects(buildTraining(configOf(folder, more)), message);
  await refused(/Expected features in .*there is no features\.json/);
  await drawSet(folder, 0, 4, 6);
  await refused(/made with tower tiny, not dinov2-vit-s-14/, { tower: "dinov2-vit-s-14" });
  await refused(/fine_tune trains on images/, { stage: "fine_tune" });
  await drawSet(folder, 0, 4, 6, {}, { tower: "tiny", imageSize: 28 });
  await refused(/made with resizeMode squash, not pad/, { resizeMode: "pad" });
  await drawSet(folder, 0, 4, 6, { labels: undefined });
  await refused(/rows\.csv has no column "labels"/);
  await drawSet(folder, 0, 4, 6, { labels: Array.from({ length: 24 }, (_, i) => 2 * (i % 4)) });
  await refused(/labels must be 0 \.\. 3 for 4 classes; the highest is 6/);
});
