// Runs with low-rank adapters: what they train and store, and the ordinary models that are made of them.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { writeJson } from "guie/dist/common/files/files";
import { loadEmbedder } from "guie/dist/embedding/find_model";
import { scoreModel } from "guie/dist/experiments/ladder";
import { makeSoup } from "guie/dist/experiments/soup";
import { takeWise } from "guie/dist/experiments/wise_ft";
import { exportRun } from "guie/dist/export/export_run";
import { computeFeatures } from "guie/dist/features/features";
import { openSafetensors } from "guie/dist/formats/safetensors";
import { loadImages, normaliseImages } from "guie/dist/images/loading/loader";
import { createBackbone, towerWeights } from "guie/dist/model/backbone";
import { adapterShapes } from "guie/dist/model/lora";
import { findTower } from "guie/dist/model/towers";
import { isOfTower, TOWER_PREFIX } from "guie/dist/model/weight_names";
import { toTensors, withoutPrefix } from "guie/dist/model/weight_source";
import { findCheckpoint } from "guie/dist/runs/checkpoint_ref";
import { checkpointFile } from "guie/dist/runs/kept_checkpoints";
import { readMetrics, readRunConfig, runFile, runFolder } from "guie/dist/runs/run_folder";
import { runWeights } from "guie/dist/runs/run_weights";
import { restoreCheckpoint } from "guie/dist/runs/store";
import { buildTraining } from "guie/dist/training/build";
import { readRetrievalFiles } from "guie/dist/training/data/read_run_data";
import { estimateRun } from "guie/dist/training/estimate";
import { runTraining } from "guie/dist/training/run";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { temporaryFolder } from "../folders";
import { largestDifference } from "../tensors";
import { TinyRuns } from "./tiny_runs";

const runs = new TinyRuns("adapters", { maxStepsPerEpoch: 6, nEpochs: 2, initLr: 0.05, backboneLrFactor: 1 });
const RUN = runs.name("lora");
const ADAPTERS = { loraRank: 2, trainedBlocks: 1, emaDecay: 0.5, cpktEpoch: 1 } as const;
const FILES = [0, 1, 2].map((label) => `final_data_224/tiny/images/${label}_0.jpg`);
const tower = findTower("tiny");

before(async () => {
  await runs.start();
  await runTraining(runs.prepare(RUN, ADAPTERS));
});
after(() => runs.end());

/** Reads all tensors of a checkpoint of a run. */
function tensorsOf(run: string, name = "last"): Map<string, Float32Array> {
  const file = openSafetensors(checkpointFile(runFolder(run), name));
  const tensors = new Map([...file.tensors.keys()].map((name) => [name, Float32Array.from(file.read(name))]));
  file.close();
  return tensors;
}

/** Embeds the images by a model. */
async function vectorsOf(model: string): Promise<Float32Array> {
  const embedder = loadEmbedder(model);
  const { data } = await embedder.embedFiles(runs.dataDir, FILES);
  embedder.dispose();
  return data;
}

test("only adapters, neck and head are trained and have moments; the backbone's own weights stay", async () => {
  const tensors = tensorsOf(RUN);
  const adapters = [...adapterShapes(tower, ADAPTERS).keys()].map((name) => `visual.${name}`);
  const trained = [...adapters, "neck.weight", "neck.bias", "head.weight"];
  const moments = [...tensors.keys()].filter((name) => name.startsWith("optimizer.exp_avg."));
  assert.deepEqual(moments.sort(), trained.map((name) => `optimizer.exp_avg.${name}`).sort());
  for (const [name, start] of Object.entries(toTensors(towerWeights(readRunConfig(runFolder(RUN)), tower))))
    assert.equal(largestDifference(tensors.get(`visual.${name}`)!, start), 0, name);
  for (const name of adapters)
    assert.ok(
      tensors.get(name)!.some((value) => value !== 0),
      name,
    );
  const { trained: count, parameters } = await estimateRun(readRunConfig(runFolder(RUN)), 1e9);
  const sizes = (names: Iterable<string>) =>
    [...names].reduce((sum, name) => sum + tensors.get(name)!.length, 0);
  assert.equal(count, sizes(trained));
  assert.equal(parameters, sizes([...tensors.keys()].filter((name) => /^(visual|neck|head)\./.test(name))));
});

test("a run scores itself, and its average, by the model that is read from its checkpoint", async () => {
  const config = readRunConfig(runFolder(RUN));
  const last = readMetrics(runFolder(RUN)).findLast((metric) => metric.kind === "retrieval")!;
  const files = (await readRetrievalFiles(config.dataDir))!;
  assert.equal((await scoreModel(config, RUN, files)).mp5, last.mp5);
  assert.equal((await scoreModel(config, `${RUN}:ema`, files)).mp5, last.ema!.mp5);
  const { trainer, featuresOf } = await buildTraining(config);
  await restoreCheckpoint(runFile(runFolder(RUN), "last"), trainer.stored, () => {});
  const source = withoutPrefix(TOWER_PREFIX, runWeights(findCheckpoint(RUN), isOfTower));
  const backbone = await createBackbone(tower, source, config);
  const merged = await computeFeatures(config, backbone, files.queries.files, "queries");
  const own = await featuresOf("queries");
  assert.ok(largestDifference(own.data, merged.data) < 1e-5);
  backbone.dispose();
  trainer.dispose();
});

test("exported as ONNX, it computes what it embeds with; its safetensors are an ordinary tower", async (t) => {
  const out = temporaryFolder(t);
  const embedder = loadEmbedder(RUN);
  const images = await loadImages(runs.dataDir, FILES, 28, 1);
  const expected = await embedder.embedImages(images);
  embedder.dispose();
  await exportRun({ run: RUN, format: "onnx", out: join(out, "onnx") });
  const session = await InferenceSession.create(join(out, "onnx", "model.onnx"));
  const pixels = normaliseImages(images, tower);
  const planes = Float32Array.from(pixels, (_, at) => {
    const [image, channel, place] = [Math.floor(at / 2352), Math.floor((at % 2352) / 784), at % 784];
    return pixels[image * 2352 + place * 3 + channel]!;
  });
  const { embedding } = await session.run({ pixel_values: new Tensor("float32", planes, [3, 3, 28, 28]) });
  await session.release();
  assert.ok(largestDifference(embedding!.data as Float32Array, expected.data) < 1e-5);
  await exportRun({ run: RUN, format: "safetensors", out: join(out, "weights") });
  const exported = openSafetensors(join(out, "weights", "tower.safetensors"));
  assert.ok([...exported.tensors.keys()].every((name) => !name.includes("lora")));
  exported.close();
});

test("a soup, a model between the towers and a later run have the adapters merged", async () => {
  const soup = runs.name("soup");
  await makeSoup([RUN, `${RUN}/epoch_2`], soup);
  assert.equal(readRunConfig(runFolder(soup)).loraRank, 0);
  assert.ok(largestDifference(await vectorsOf(soup), await vectorsOf(RUN)) < 1e-5);
  const wise = runs.name("wise");
  await takeWise(RUN, 1, wise);
  assert.ok(largestDifference(await vectorsOf(wise), await vectorsOf(RUN)) < 1e-5);
  assert.ok([...tensorsOf(wise).keys()].every((name) => !name.includes("lora")));
  const none = runs.name("none");
  await takeWise(RUN, 0, none);
  assert.ok(
    largestDifference(await vectorsOf(none), await vectorsOf(RUN)) > 1e-3,
    "training has moved the tower",
  );
  const next = await buildTraining(runs.config("next", { initFrom: RUN, loraRank: 4 }));
  const matrix = "visual.transformer.resblocks.1.mlp.c_fc.weight";
  const started = (await next.trainer.program.read(matrix)).data as Float32Array;
  assert.ok(largestDifference(started, tensorsOf(wise).get(matrix)!) < 1e-6);
  next.trainer.dispose();
});

test("a checkpoint that lacks the adapters of its config is refused; so are more blocks than there are", async () => {
  const plain = runs.prepare("plain", { nEpochs: 1, maxStepsPerEpoch: 1 });
  await runTraining(plain);
  writeJson(runFile(plain, "config"), { ...readRunConfig(plain), loraRank: 2 });
  assert.throws(() => runWeights(findCheckpoint(plain)), /in_proj_weight\.lora_A/);
  await assert.rejects(
    buildTraining(runs.config("blocks", { loraRank: 2, trainedBlocks: 3 })),
    /trainedBlocks is 3, the backbone has 2 blocks/,
  );
});
