// All forms of MODEL: runs, towers, files, folders, the hub (hub_server.ts on this machine), the preset's backbone.
import assert from "node:assert/strict";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { installPath, projectPath } from "guie/dist/common/project";
import { type ConfigOverrides, overrideConfig } from "guie/dist/config/config";
import { tiny } from "guie/dist/config/presets";
import { findModel, openModel, requireRunModel } from "guie/dist/embedding/find_model";
import { backboneDifferences, madeByBackbone } from "guie/dist/features/features";
import { openSafetensors, writeSafetensors } from "guie/dist/formats/safetensors";
import { loadImages } from "guie/dist/images/loading/loader";
import { findTower } from "guie/dist/model/towers";
import { prepareModel } from "guie/dist/pretrained/prepare_model";
import { configOf, randomModel, writeRun } from "../export/models";
import { temporaryFolder } from "../folders";
import { startHub } from "../pretrained/hub_server";

const CLIP = installPath("test", "golden", "pytorch", "clip.pt");
const CONFIG = tiny("frozen");
const OWNER = `test-${process.pid}`;
const PREPARED = projectPath("checkpoints", "prepared");

/** Folders below checkpoints/prepared that this test created. */
const made = new Set<string>();
const before = new Set(existsSync(PREPARED) ? readdirSync(PREPARED) : []);
after(() => {
  for (const name of existsSync(PREPARED) ? readdirSync(PREPARED) : [])
    if (!before.has(name) && (made.has(name) || name.startsWith(OWNER)))
      rmSync(join(PREPARED, name), { recursive: true });
});

/** Finds the backbone of that name. */
async function backboneOf(reference: string | undefined) {
  const found = await findModel(reference, CONFIG);
  assert.equal(found.kind, "backbone");
  return found.kind === "backbone" ? found.config : CONFIG;
}

test("nothing, and the word backbone, name the preset's backbone", async () => {
  for (const reference of [undefined, "backbone"]) assert.equal(await backboneOf(reference), CONFIG);
});

test("a run is found by its folder, by a checkpoint and by an average in it", async (t) => {
  const tower = findTower("tiny");
  const config = configOf(tower);
  const folder = await writeRun(temporaryFolder(t), config, randomModel(tower, config));
  copyFileSync(join(folder, "last.safetensors"), join(folder, "best.safetensors"));
  for (const [reference, file, kind] of [
    [folder, "last", "raw"],
    [`${folder}/best`, "best", "raw"],
    [`${folder}/best:ema`, "best", "ema"],
    [`${folder}/last.safetensors`, "last", "raw"],
  ] as const) {
    const checkpoint = { folder, path: join(folder, `${file}.safetensors`), kind };
    assert.deepEqual(await findModel(reference, CONFIG), { kind: "run", checkpoint });
    assert.deepEqual(requireRunModel(reference, "."), checkpoint);
  }
  await assert.rejects(findModel(`${folder}/epoch_9`, CONFIG), /there is none\. The run has: best/);
});

test("the path of a prepared file names its tower, which embeds with the preset's settings", async (t) => {
  const out = temporaryFolder(t);
  const { path } = await prepareModel({ model: "tiny", from: CLIP, out });
  const config = await backboneOf(path);
  assert.deepEqual(config, { ...CONFIG, weights: path });
  assert.deepEqual(await backboneOf(out), { ...CONFIG, weights: path }, "a folder with the file");
  const embedder = openModel(await findModel(path, CONFIG));
  const [file] = ["test/golden/resize_smooth_300x260.jpg"];
  const images = await loadImages(installPath("."), [file!], config.imageSize, 1);
  const inMemory = await embedder.embedImages(images);
  assert.deepEqual(await embedder.embedFiles(installPath("."), [file!]), inMemory);
  assert.equal(embedder.madeBy.tower, "tiny");
  embedder.dispose();
});

test("what features are made by: none and mean as in earlier versions, gem with its power", () => {
  const poolings = [
    {},
    { patchPooling: "mean" },
    { patchPooling: "gem" },
    { patchPooling: "gem", gemPower: 2 },
  ];
  const noted = poolings.map(
    (settings) => madeByBackbone(overrideConfig(CONFIG, settings as ConfigOverrides)).patchMean,
  );
  assert.deepEqual(noted, [false, true, "gem 3", "gem 2"]);
  const found = { tower: "tiny", patchMean: false };
  const gem = overrideConfig(CONFIG, { patchPooling: "gem" });
  assert.deepEqual(backboneDifferences(found, gem), ["patchPooling none, not gem 3"]);
  assert.deepEqual(backboneDifferences(found, CONFIG), []);
});

test("a file with another library's names is prepared once, below checkpoints/prepared", async () => {
  const before = new Set(existsSync(PREPARED) ? readdirSync(PREPARED) : []);
  const { tower, weights } = await backboneOf(CLIP);
  assert.equal(tower, "tiny");
  assert.match(weights, /^checkpoints\/prepared\/clip\.pt-[0-9a-f]{12}\/tiny_vision_model\.safetensors$/);
  const name = weights.split("/")[2]!;
  if (!before.has(name)) made.add(name);
  const { metadata, close } = openSafetensors(projectPath(weights));
  close();
  assert.match(metadata.origin!, /^clip\.pt, \d+ bytes$/);
  assert.equal((await backboneOf(CLIP)).weights, weights);
});

test("hub:owner/name is fetched and prepared once", async (t) => {
  const repo = `${OWNER}/tiny-clip`;
  const home = temporaryFolder(t);
  const hub = await startHub(repo, { "open_clip_pytorch_model.bin": readFileSync(CLIP) });
  const { HF_HOME, HF_ENDPOINT } = process.env;
  Object.assign(process.env, { HF_HOME: home, HF_ENDPOINT: hub.url });
  t.after(() => {
    hub.close();
    for (const [name, value] of Object.entries({ HF_HOME, HF_ENDPOINT }))
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
  });
  const { tower, weights } = await backboneOf(`hub:${repo}`);
  assert.equal(tower, "tiny");
  assert.equal(weights, `checkpoints/prepared/${OWNER}--tiny-clip/tiny_vision_model.safetensors`);
  const { metadata, close } = openSafetensors(projectPath(weights));
  close();
  assert.equal(metadata.origin, `hub:${repo}`);
  const asked = hub.requests.hub.length;
  assert.equal((await backboneOf(`hub:${repo}`)).weights, weights);
  assert.equal(hub.requests.hub.length, asked, "the hub is asked once");
  await assert.rejects(findModel("hub:nobody", CONFIG), /Expected hub:owner\/name/);
});

test("errors explain an unknown model, a tower that is not prepared, and weights that fit several towers", async (t) => {
  await assert.rejects(
    findModel("dinov2-vit-s14", CONFIG),
    /no such run, tower or file[\s\S]*Did you mean "dinov2-vit-s-14"/,
  );
  await assert.rejects(
    findModel("ViT-bigG-14", CONFIG),
    /The weights of ViT-bigG-14 are not prepared yet[\s\S]*npx guie prepare-model --model ViT-bigG-14/,
  );
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, "none"));
  const file = join(folder, "other.safetensors");
  await writeSafetensors(file, [{ name: "x", shape: [1], data: new Float32Array(1) }]);
  await assert.rejects(findModel(file, CONFIG), /holds no Vision Transformer under known names/);
  for (const reference of ["backbone", "ViT-B-32", "hub:owner/name", file])
    assert.throws(
      () => requireRunModel(reference, "A soup averages runs."),
      /is a backbone, .*A soup averages runs/,
    );
  assert.throws(() => requireRunModel("nowhere", "."), /no such run, tower or file/);
});

test("another tower than the preset's embeds at its own image size, with its last block", async (t) => {
  const out = temporaryFolder(t);
  const { path } = await prepareModel({ model: "tiny", from: CLIP, out });
  const other = {
    ...CONFIG,
    tower: "dinov2-vit-s-14",
    imageSize: 112,
    lastBlocks: 4,
    patchPooling: "mean" as const,
  };
  const found = await findModel(path, other);
  assert.ok(found.kind === "backbone");
  const { imageSize, lastBlocks, patchPooling } = found.config;
  assert.deepEqual(
    { imageSize, lastBlocks, patchPooling },
    { imageSize: 28, lastBlocks: 1, patchPooling: "none" },
  );
});
