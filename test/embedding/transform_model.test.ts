// Whitened and LDA models on disk: fitted, found by name, embedded with, exported, refused.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { writeJson } from "guie/dist/common/files/files";
import { installPath } from "guie/dist/common/project";
import { listRows, type Vectors } from "guie/dist/common/vectors";
import { overrideConfig } from "guie/dist/config/config";
import { tiny } from "guie/dist/config/presets";
import { findModel, loadEmbedder, openModel, requireRunModel } from "guie/dist/embedding/find_model";
import { seekTransform, transformTable } from "guie/dist/embedding/transform_model";
import { fitTransformModel } from "guie/dist/experiments/fit_transform";
import { climbLadder } from "guie/dist/experiments/ladder";
import { exportRun } from "guie/dist/export/export_run";
import { embedPhotos } from "guie/dist/features/embed_photos";
import { loadImages, normaliseImages } from "guie/dist/images/loading/loader";
import { findTower } from "guie/dist/model/towers";
import { prepareModel } from "guie/dist/pretrained/prepare_model";
import { reduceRows } from "guie/dist/retrieval/reduction";
import { readReduction } from "guie/dist/retrieval/reduction_file";
import { runFolder } from "guie/dist/runs/run_folder";
import { prepareRunFolder } from "guie/dist/runs/start_folder";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { temporaryFolder } from "../folders";
import { largestDifference } from "../tensors";
import { makeTinyData } from "../training/tiny_data";

const PREFIX = `test-transform-${process.pid}`;
const [WHITENED, LDA] = [`${PREFIX}-w`, `${PREFIX}-l`];
const FILES = [0, 1, 2].map((label) => `final_data_224/tiny/images/${label}_0.jpg`);
const out = mkdtempSync(join(tmpdir(), "guie-transform-"));
let [dataDir, weights] = ["", ""];
let config = tiny("frozen");

before(async () => {
  dataDir = await makeTinyData();
  const clip = installPath("test", "golden", "pytorch", "clip.pt");
  weights = (await prepareModel({ model: "tiny", from: clip, out })).path;
  config = overrideConfig(config, { dataDir, weights });
  await fitTransformModel({ name: WHITENED, kind: "whitened", config });
  await fitTransformModel({ name: LDA, kind: "lda", config });
});
after(() => {
  for (const folder of [dataDir, out, ...[WHITENED, LDA, `${PREFIX}-run`].map(runFolder)])
    rmSync(folder, { recursive: true, force: true });
});

function unitRows(vectors: Vectors): number[] {
  return listRows(vectors).flatMap((row) => Array.from(row, (value) => value / Math.hypot(...row)));
}

test("a fitted model is found by its name, and maps the backbone's features to unit vectors", async () => {
  const backbone = openModel(await findModel("backbone", config));
  const features = await backbone.embedFiles(dataDir, FILES);
  backbone.dispose();
  for (const name of [WHITENED, LDA]) {
    const found = await findModel(name, config);
    assert.equal(found.kind, "transform");
    const expected = unitRows(
      reduceRows(features, readReduction(join(runFolder(name), "reduction.safetensors"))),
    );
    for (const embedder of [openModel(found), loadEmbedder(name)]) {
      const direct = await embedder.embedFiles(dataDir, FILES);
      assert.equal(direct.length, embedder.length);
      assert.ok(largestDifference(direct.data, Float32Array.from(expected)) < 1e-5, name);
      const kept = await embedder.embed(dataDir, "mine", FILES);
      assert.ok(largestDifference(kept.data, direct.data) < 0.02, "kept features of a backbone are float16");
      const images = await loadImages(dataDir, FILES, 28, 1);
      assert.ok(largestDifference((await embedder.embedImages(images)).data, direct.data) < 1e-5);
      embedder.dispose();
    }
  }
  const list = { folder: dataDir, rows: { files: FILES } };
  const byBackbone = openModel(await findModel("backbone", config));
  assert.equal((await embedPhotos(byBackbone, list)).embedded, FILES.length);
  byBackbone.dispose();
  for (const name of [WHITENED, LDA]) {
    const embedder = openModel(await findModel(name, config));
    const blocks: number[] = [];
    const { embedded, vectors } = await embedPhotos(embedder, list, {
      onBlock: async (soFar) => void blocks.push((await soFar.read()).vectors.length),
    });
    assert.equal(embedded, 0, "the backbone's vectors are mapped, not computed again");
    assert.deepEqual(blocks, [embedder.length]);
    const direct = await embedder.embedFiles(dataDir, FILES);
    assert.ok(largestDifference(vectors.data, direct.data) < 1e-5);
    embedder.dispose();
  }
  const rows = transformTable().filter(({ model }) => model.startsWith(PREFIX));
  assert.deepEqual(
    rows.map(({ kind, images, classes }) => [kind, images, classes]),
    [
      ["lda", 36, 6],
      ["whitened", 36, ""],
    ],
  );
});

test("the ladder has both without training; LDA is marked as trained on these classes", async () => {
  const rungs = await climbLadder(config, { mine: LDA });
  assert.deepEqual(
    rungs.map(({ name }) => name),
    ["pixels", "backbone", "whitened", "lda", "mine"],
  );
  const [, backbone, , lda, mine] = rungs;
  assert.deepEqual([lda!.mp5, lda!.r1], [mine!.mp5, mine!.r1], "the rung and the model are one fit");
  assert.deepEqual([backbone!.on.trainedOn, lda!.on.trainedOn, mine!.on.trainedOn], [0, 6, 6]);
});

test("exported as ONNX, a fitted model and a backbone compute the same in onnxruntime", async () => {
  const pixels = normaliseImages(await loadImages(dataDir, FILES, 28, 1), findTower("tiny"));
  const planes = Float32Array.from(pixels, (_, at) => {
    const [image, channel, place] = [Math.floor(at / 2352), Math.floor((at % 2352) / 784), at % 784];
    return pixels[image * 2352 + place * 3 + channel]!;
  });
  // an export's preset is demo: another tower than demo's embeds with its last block
  const exported = overrideConfig(config, { lastBlocks: 1 });
  for (const [name, model] of Object.entries({ lda: LDA, backbone: weights })) {
    const embedder = openModel(await findModel(model, exported));
    const expected = Float32Array.from(unitRows(await embedder.embedFiles(dataDir, FILES)));
    embedder.dispose();
    const { path, files, input, output } = await exportRun({
      run: model,
      format: "onnx",
      out: join(out, name),
    });
    assert.deepEqual(
      files.map((file) => [file.name, file.bytes]),
      ["model.onnx", "preprocessor_config.json"].map((file) => [file, statSync(join(path, file)).size]),
    );
    const session = await InferenceSession.create(join(path, "model.onnx"));
    const { embedding } = await session.run({ pixel_values: new Tensor("float32", planes, [3, 3, 28, 28]) });
    assert.ok(largestDifference(embedding!.data as Float32Array, expected) < 1e-4, name);
    assert.match(input!, /^pixel_values \[B, 3, 28, 28\], float32/);
    assert.match(output!, new RegExp(`^embedding \\[B, ${embedding!.dims[1]}\\], float32`));
    await session.release();
  }
  const { path } = await exportRun({ run: LDA, format: "safetensors", out: join(out, "weights") });
  assert.deepEqual(readReduction(join(path, "reduction.safetensors")).to, seekTransform(LDA)!.length);
});

test("a model is never written over another, over a run, or under a reserved name", async () => {
  const fit = (name: string, more = {}) => fitTransformModel({ name, kind: "whitened", config, ...more });
  const before = readFileSync(join(runFolder(LDA), "model.json"), "utf8");
  await assert.rejects(fit(LDA), /is there already: a whitened or LDA model\.[\s\S]*--overwrite/);
  assert.equal(readFileSync(join(runFolder(LDA), "model.json"), "utf8"), before);
  await assert.rejects(fit("lda"), /The name "lda" is reserved/);
  await assert.rejects(fit("a/b"), /Expected a name of letters/);
  const run = prepareRunFolder(overrideConfig(config, { runName: `${PREFIX}-run` }));
  await assert.rejects(fit(`${PREFIX}-run`, { overwrite: true }), /holds a run\. It stays as it is/);
  assert.throws(
    () => prepareRunFolder(overrideConfig(config, { runName: LDA })),
    /is not a run|is not part of a run/,
  );
  rmSync(run, { recursive: true });
  await fit(WHITENED, { overwrite: true });
});

test("bad input has a message: no classes, too few images, a rung's name, other weights, a fitted base", async () => {
  const flat = join(out, "flat");
  mkdirSync(flat);
  for (const [i, file] of FILES.entries())
    writeFileSync(join(flat, `${i}.jpg`), readFileSync(join(dataDir, file)));
  const fit = (kind: "whitened" | "lda", more = {}) =>
    fitTransformModel({ name: `${PREFIX}-none`, kind, config, photos: flat, ...more });
  await assert.rejects(fit("whitened"), /Whitening needs 16 images or more, .* has 3/);
  await assert.rejects(fit("lda"), /LDA needs images with classes/);
  await assert.rejects(fit("whitened", { model: WHITENED }), /is a whitened or LDA model already/);
  await assert.rejects(findModel("whitened", config), /is a rung of the ladder[\s\S]*npx guie whiten/);
  assert.throws(
    () => requireRunModel(LDA, "A soup averages runs."),
    /without a trained neck and head\. A soup/,
  );
  const model = seekTransform(LDA)!;
  const found = await findModel(LDA, config);
  assert.ok(found.kind === "transform");
  const changed = { ...model, madeBy: { ...model.madeBy, content: "other" } };
  assert.throws(
    () => openModel({ ...found, model: changed }),
    /fitted to vectors of another model .*content was other/,
  );
});

test("a model of an earlier version, which notes patchMean, has the present setting", (t) => {
  const folder = temporaryFolder(t);
  const { base, name: _, folder: __, ...note } = seekTransform(LDA)!;
  assert.ok("tower" in base && base.patchPooling === "none");
  const { patchPooling, gemPower, ...settings } = base;
  writeJson(join(folder, "model.json"), { ...note, base: { ...settings, patchMean: true } });
  assert.deepEqual(seekTransform(folder)?.base, { ...settings, patchPooling: "mean", gemPower: 3 });
});

test("a model that is fitted again stays with its exports; those of another one before it are kept", async (t) => {
  const name = `${PREFIX}-exported`;
  const folder = runFolder(name);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const fit = (changes = {}) =>
    fitTransformModel({ name, kind: "whitened", config: { ...config, ...changes }, overwrite: true });
  const exported = (place: string) => readFileSync(join(folder, place, "onnx", "model.onnx"), "utf8");
  await fit();
  mkdirSync(join(folder, "export", "onnx"), { recursive: true });
  writeFileSync(join(folder, "export", "onnx", "model.onnx"), "first");
  const before = statSync(folder).ino;
  await fit();
  assert.deepEqual([statSync(folder).ino, exported("export")], [before, "first"], "the same model");
  const said = t.mock.method(process.stderr, "write", () => true);
  await fit({ lastBlocks: 1 });
  assert.equal(exported("export_before"), "first");
  assert.equal(existsSync(join(folder, "export")), false);
  const lines = said.mock.calls.map(({ arguments: [line] }) => String(line));
  assert.ok(
    lines.some((line) => line.includes(`are in ${join(folder, "export_before")}.`)),
    lines.join(""),
  );
  mkdirSync(join(folder, "export", "onnx"), { recursive: true });
  writeFileSync(join(folder, "export", "onnx", "model.onnx"), "second");
  await fit();
  assert.deepEqual([exported("export_before"), exported("export_before_2")], ["first", "second"]);
});
