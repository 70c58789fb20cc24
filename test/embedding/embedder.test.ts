// A run's model from its checkpoint: the embedder against the same weights, computed eagerly.
import assert from "node:assert/strict";
import { copyFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { overrideConfig } from "guie/dist/config/config";
import { tiny } from "guie/dist/config/presets";
import { BackboneEmbedder } from "guie/dist/embedding/backbone_embedder";
import { loadEmbedder } from "guie/dist/embedding/find_model";
import { tf } from "guie/dist/engine/native/tf";
import { exportWeights } from "guie/dist/export/tower_file";
import { embedPhotos } from "guie/dist/features/embed_photos";
import { openSafetensors } from "guie/dist/formats/safetensors";
import { loadImages, normaliseImages } from "guie/dist/images/loading/loader";
import { embedding, towerFeatures } from "guie/dist/model/embedding_model";
import { findTower } from "guie/dist/model/towers";
import type { Weights } from "guie/dist/model/vit";
import { runFile, runFolder } from "guie/dist/runs/run_folder";
import { prepareRunFolder } from "guie/dist/runs/start_folder";
import { runTraining } from "guie/dist/training/run";
import { largestDifference } from "../tensors";
import { makeTinyData } from "../training/tiny_data";

const RUN = `test-embedder-${process.pid}`;
const FILES = [0, 1, 2].map((label) => `final_data_224/tiny/images/${label}_0.jpg`);
const TOWER = findTower("tiny");
let dataDir: string;

before(async () => {
  dataDir = await makeTinyData();
});
after(() => {
  rmSync(dataDir, { recursive: true, force: true });
  rmSync(runFolder(RUN), { recursive: true, force: true });
});

/** Reads a checkpoint's weights, without the optimizer's state, as tensors. */
function readWeights(path: string): Weights {
  const file = openSafetensors(path);
  const names = [...file.tensors.keys()].filter((name) => !name.startsWith("optimizer."));
  const weights = names.map((name) => [name, tf.tensor(file.read(name), file.tensors.get(name)!.shape)]);
  file.close();
  return Object.fromEntries(weights) as Weights;
}

test("a fine-tuned run embeds with the weights of its checkpoint, and exports exactly these", async () => {
  const config = overrideConfig(tiny("fine_tune"), {
    runName: RUN,
    dataDir,
    maxStepsPerEpoch: 2,
    nEpochs: 1,
  });
  const folder = prepareRunFolder(config);
  await runTraining(folder);
  const weights = readWeights(runFile(folder, "last"));
  const pixels = normaliseImages(await loadImages(dataDir, FILES, 28, 1), TOWER);
  const expected = tf.tidy(() => {
    const images = tf.tensor4d(pixels, [FILES.length, 28, 28, 3]);
    return embedding(weights, towerFeatures(TOWER, { lastBlocks: config.lastBlocks })(weights, images));
  });
  const embedder = loadEmbedder(RUN);
  const { data, count } = await embedder.embedFiles(dataDir, FILES);
  embedder.dispose();
  assert.equal(count, FILES.length);
  assert.ok(largestDifference(expected, data) < 1e-5);

  const out = `${folder}/tower.safetensors`;
  const { tensors } = await exportWeights({ run: RUN }, "open_clip", out);
  const written = openSafetensors(out);
  assert.equal(written.tensors.size, tensors);
  for (const name of written.tensors.keys())
    assert.equal(largestDifference(written.read(name), weights[`visual.${name}`]!), 0, name);
  written.close();
  tf.dispose([weights, expected]);
});

for (const stage of ["frozen", "fine_tune"] as const) {
  test(`kept vectors of a ${stage} run follow the images: a replaced one is embedded again`, async (t) => {
    const runName = `${RUN}-${stage}`;
    const other = await makeTinyData();
    t.after(() => {
      for (const folder of [other, runFolder(runName)]) rmSync(folder, { recursive: true, force: true });
    });
    const own = { runName, dataDir: other, maxStepsPerEpoch: 1, nEpochs: 1 };
    await runTraining(prepareRunFolder(overrideConfig(tiny(stage), own)));
    const embedder = loadEmbedder(runName);
    t.after(() => embedder.dispose());
    const embed = async () => (await embedder.embed(other, "mine", FILES)).data;
    const [before, again] = [await embed(), await embed()];
    assert.deepEqual(again, before);
    copyFileSync(join(other, FILES[2]!), join(other, FILES[0]!));
    utimesSync(join(other, FILES[0]!), 1, 1);
    const after = await embed();
    const length = before.length / FILES.length;
    const row = (data: Float32Array, i: number) => data.slice(i * length, (i + 1) * length);
    assert.ok(largestDifference(row(after, 0), row(before, 2)) < 1e-5, "it equals the third image now");
    assert.ok(largestDifference(row(after, 0), row(before, 0)) > 1e-3);
    assert.deepEqual(row(after, 1), row(before, 1));
    rmSync(join(other, FILES[1]!));
    writeFileSync(join(other, FILES[2]!), "no image");
    await assert.rejects(embed(), /could not be read; they are listed in .*skipped\.csv/);
  });
}

test("a frozen run maps its backbone's kept vectors of photos, and embeds none again", async (t) => {
  const runName = `${RUN}-frozen`;
  t.after(() => rmSync(runFolder(runName), { recursive: true, force: true }));
  const config = overrideConfig(tiny("frozen"), { runName, dataDir, maxStepsPerEpoch: 1, nEpochs: 1 });
  await runTraining(prepareRunFolder(config));
  const list = { folder: dataDir, rows: { files: FILES } };
  const backbone = new BackboneEmbedder(config);
  t.after(() => backbone.dispose());
  assert.equal((await embedPhotos(backbone, list)).embedded, FILES.length);
  const run = loadEmbedder(runName);
  t.after(() => run.dispose());
  const { embedded, vectors } = await embedPhotos(run, list);
  assert.equal(embedded, 0);
  assert.ok(largestDifference(vectors.data, (await run.embedFiles(dataDir, FILES)).data) < 1e-5);
});
