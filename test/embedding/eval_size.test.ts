// Evaluation at another image size than training's: in training, by the embedder, and in the identity of vectors.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, test } from "node:test";
import { overrideConfig } from "guie/dist/config/config";
import { tiny } from "guie/dist/config/presets";
import { loadEmbedder } from "guie/dist/embedding/find_model";
import { tf } from "guie/dist/engine/native/tf";
import { readSummary } from "guie/dist/features/feature_files";
import { featureFolder } from "guie/dist/features/features";
import { openSafetensors } from "guie/dist/formats/safetensors";
import { loadImages, normaliseImages } from "guie/dist/images/loading/loader";
import { resamplePositions } from "guie/dist/model/position_embedding";
import { findTower } from "guie/dist/model/towers";
import { vitFeatures, type Weights } from "guie/dist/model/vit";
import { TOWER_PREFIX } from "guie/dist/model/weight_names";
import { readMetrics, runFile, runFolder } from "guie/dist/runs/run_folder";
import { prepareRunFolder } from "guie/dist/runs/start_folder";
import { buildTraining } from "guie/dist/training/build";
import { runTraining } from "guie/dist/training/run";
import { largestDifference } from "../tensors";
import { makeTinyData } from "../training/tiny_data";

const RUN = `test-eval-size-${process.pid}`;
const TOWER = findTower("tiny");
const FILES = [0, 1, 2].map((label) => `final_data_224/tiny/images/${label}_0.jpg`);
const EVAL_PX = 42;
let dataDir: string;
before(async () => {
  dataDir = await makeTinyData();
});
after(() => {
  for (const folder of [dataDir, runFolder(`${RUN}-frozen`), runFolder(`${RUN}-fine_tune`)])
    rmSync(folder, { recursive: true, force: true });
});

const configOf = (stage: "frozen" | "fine_tune") =>
  overrideConfig(tiny(stage), {
    ...{ runName: `${RUN}-${stage}`, dataDir, evalImageSize: EVAL_PX },
    ...{ maxStepsPerEpoch: 2, nEpochs: 1 },
  });

/** Computes features of the files at the size of the evaluation, eagerly, with the trained positions resampled. */
async function expectedFeatures(checkpoint: string): Promise<Float32Array> {
  const file = openSafetensors(checkpoint);
  const names = [...file.tensors.keys()].filter((name) => name.startsWith(TOWER_PREFIX));
  const weights: Weights = {};
  for (const name of names) {
    const own = name.slice(TOWER_PREFIX.length);
    const isPositions = own === "positional_embedding";
    const values = file.read(name);
    const { shape } = file.tensors.get(name)!;
    weights[own] = isPositions
      ? tf.tensor(resamplePositions(values, TOWER, EVAL_PX / 7), [1 + (EVAL_PX / 7) ** 2, shape[1]!])
      : tf.tensor(values, shape);
  }
  file.close();
  const pixels = normaliseImages(await loadImages(dataDir, FILES, EVAL_PX, 1), TOWER);
  return tf.tidy(() => {
    const images = tf.tensor4d(pixels, [FILES.length, EVAL_PX, EVAL_PX, 3]);
    return vitFeatures(weights, images, TOWER, { lastBlocks: 2 }).dataSync() as Float32Array;
  });
}

test("a fine-tuned run: trained at 28 px, scored and embedded at 42 px, with the same numbers", async () => {
  const config = configOf("fine_tune");
  const folder = prepareRunFolder(config);
  await runTraining(folder);
  const embedder = loadEmbedder(config.runName);
  assert.deepEqual([embedder.config.imageSize, embedder.madeBy.imageSize], [EVAL_PX, EVAL_PX]);
  const [retrieval] = readMetrics(folder)
    .filter((metric) => metric.kind === "retrieval")
    .slice(-1);
  assert.ok(retrieval);
  const vectors = await embedder.embedFiles(dataDir, FILES);
  const features = await expectedFeatures(runFile(folder, "last"));
  const neck = openSafetensors(runFile(folder, "last"));
  const expected = tf.tidy(() => {
    const [weight, bias] = ["neck.weight", "neck.bias"].map((name) =>
      tf.tensor(neck.read(name), neck.tensors.get(name)!.shape),
    );
    const rows = tf.tensor2d(features, [FILES.length, features.length / FILES.length]);
    const embedded = tf.add(tf.matMul(rows, weight as tf.Tensor2D, false, true), bias!);
    return tf.div(embedded, tf.norm(embedded, 2, 1, true)).dataSync() as Float32Array;
  });
  neck.close();
  assert.ok(largestDifference(vectors.data, expected) < 1e-5);
  embedder.dispose();
});

test("in training, the graph resamples the positions that are being trained", async () => {
  const config = configOf("fine_tune");
  const { featuresOf, trainer, data } = await buildTraining(config);
  const { data: features } = await featuresOf("validation", [0, 1]);
  const files = [0, 1].map((row) => data.validation.files[row]!);
  // fresh weights of 28 px resampled to 42 px are those of a backbone that is read at 42 px
  const other = await buildTraining(overrideConfig(config, { imageSize: EVAL_PX, evalImageSize: 0 }));
  const { data: expected } = await other.featuresOf("validation", [0, 1]);
  assert.deepEqual(
    files,
    [0, 1].map((row) => other.data.validation.files[row]!),
  );
  assert.ok(largestDifference(features, expected) < 1e-5);
  trainer.dispose();
  other.trainer.dispose();
});

test("a frozen run learns from features of 28 px and is scored on features of 42 px, which say so", async () => {
  const config = configOf("frozen");
  await runTraining(prepareRunFolder(config));
  const atSize = overrideConfig(config, { imageSize: EVAL_PX, evalImageSize: 0 });
  assert.equal(readSummary(featureFolder(config, "train"))?.madeBy.imageSize, 28);
  for (const set of ["queries", "index"]) {
    assert.equal(readSummary(featureFolder(atSize, set))?.madeBy.imageSize, EVAL_PX, set);
    assert.equal(readSummary(featureFolder(config, set)), undefined, set);
  }
  const embedder = loadEmbedder(config.runName);
  assert.equal(embedder.mapped?.base.madeBy.imageSize, EVAL_PX);
  embedder.dispose();
});

test("a size that does not fit the tower is refused at the start; features of a folder have one size", async () => {
  const config = configOf("fine_tune");
  await assert.rejects(
    buildTraining(overrideConfig(config, { evalImageSize: 30 })),
    /multiple of 7 px, got 30/,
  );
  assert.throws(() => overrideConfig(configOf("frozen"), { features: "x" }), /evalImageSize = 42: features/);
});
