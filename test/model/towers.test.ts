// The table of towers against open_clip, DINOv2 and timm; fresh weights, and files of weights.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { randomStream } from "guie/dist/common/random";
import { tf } from "guie/dist/engine/native/tf";
import { openSafetensors, writeSafetensors } from "guie/dist/formats/safetensors";
import { freshTower, towerFile } from "guie/dist/model/tower_weights";
import { findTower, mlpWidth, parameterCount, patchGrid, TOWERS, towerShapes } from "guie/dist/model/towers";
import { toTensors } from "guie/dist/model/weight_source";
import { smallTower } from "../small_towers";
import { largestDifference } from "../tensors";

const folder = mkdtempSync(join(tmpdir(), "guie-towers-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("ViT-H/14 has 632,076,800 parameters, or 630,766,080 without proj", () => {
  assert.equal(parameterCount(findTower("ViT-H-14")), 632_076_800);
  assert.equal(parameterCount(findTower("ViT-H-14"), { projection: false }), 630_766_080);
});

test("DINOv2 ViT-S/14 has Meta's 22,056,576 parameters, minus the mask token's 384", () => {
  assert.equal(parameterCount(findTower("dinov2-vit-s-14")), 22_056_576 - 384);
});

/** A row of golden/towers.json, as open_clip or timm builds the tower; timm's has no names, DINOv2's no image size. */
interface GoldenTower {
  parameters: number;
  imageSizePx?: number;
  layers: number;
  heads: number;
  activation: keyof typeof ACTIVATIONS;
  layerNormEpsilon: number;
  /** All tensors except those of the blocks after the first. */
  shapes?: Record<string, number[]>;
}
/** Names of activations: theirs -> ours. */
const ACTIVATIONS = {
  GELU: "gelu",
  QuickGELU: "quickGelu",
  SiLU: "swiGlu",
  gelu_pytorch_tanh: "geluTanh",
} as const;
const GOLDEN = JSON.parse(readFileSync(installPath("test", "golden", "towers.json"), "utf8")) as Record<
  string,
  GoldenTower
>;

test("the golden file has every tower except tiny", () => {
  assert.deepEqual(TOWERS.map(({ name }) => name).sort(), [...Object.keys(GOLDEN), "tiny"].sort());
});

for (const [name, golden] of Object.entries(GOLDEN)) {
  test(`${name} equals open_clip's or timm's: ${golden.parameters} parameters`, () => {
    const tower = findTower(name);
    assert.equal(parameterCount(tower), golden.parameters);
    assert.equal(tower.layers, golden.layers);
    assert.equal(tower.heads, golden.heads);
    assert.equal(tower.layerNormEpsilon, golden.layerNormEpsilon);
    assert.equal(tower.activation, ACTIVATIONS[golden.activation]);
    assert.equal(tower.imageSizePx, golden.imageSizePx ?? 224);
    if (!golden.shapes) return;
    const later = /resblocks\.[1-9]/;
    const ours = [...towerShapes(tower)].filter(([tensor]) => !later.test(tensor));
    assert.deepEqual(Object.fromEntries(ours), golden.shapes);
  });
}

test("tensors that open_clip lacks have the names and shapes of DINOv2's and timm's own weights", () => {
  const file = openSafetensors(installPath("test", "golden", "vit.safetensors"));
  const kinds = { registers: "dinov2-vit-s-14-reg4", swiglu: "dinov2-vit-g-14", siglip: "ViT-B-16-SigLIP" };
  for (const [kind, row] of Object.entries(kinds)) {
    const prefix = `${kind}/weights/`;
    const own = [...file.tensors].filter(([name]) => name.startsWith(prefix));
    const expected = own.map(([name, { shape }]) => [name.slice(prefix.length), shape]);
    assert.deepEqual(Object.fromEntries(towerShapes(smallTower(row))), Object.fromEntries(expected));
  }
  file.close();
});

test("the MLP's width is truncated as in open_clip; SwiGLU's is two thirds, rounded up to a multiple of 8", () => {
  assert.equal(mlpWidth(findTower("ViT-g-14")), 6144);
  assert.equal(mlpWidth(findTower("ViT-SO400M-14-SigLIP")), 4304);
  assert.equal(mlpWidth(findTower("dinov2-vit-g-14")), 4096);
  // python: (int(4 * 384 * 2 / 3) + 7) // 8 * 8, and with 100 instead of 384
  const swiGlu = (width: number) => mlpWidth({ ...findTower("dinov2-vit-g-14"), width });
  assert.deepEqual([swiGlu(384), swiGlu(100)], [1024, 272]);
});

test("the properties of every tower are consistent", () => {
  for (const tower of TOWERS) {
    assert.equal(tower.width % tower.heads, 0, tower.name);
    assert.ok(patchGrid(tower, tower.imageSizePx) > 0, tower.name);
    assert.equal(
      [...towerShapes(tower).keys()].some((name) => name.includes("ls_1")),
      tower.layerScale,
      tower.name,
    );
  }
});

test("the error about an unknown tower names the nearest one", () => {
  assert.throws(() => findTower("ViT-H-15"), /no model named "ViT-H-15"[\s\S]*Did you mean "ViT-H-14"/);
});

test("random weights follow from their seed, and have open_clip's standard deviations", () => {
  tf.tidy(() => {
    const tower = findTower("dinov2-vit-s-14");
    const weights = toTensors(freshTower({ ...tower, layers: 1 }, randomStream(3, "weights"), 112));
    const again = toTensors(freshTower({ ...tower, layers: 1 }, randomStream(3, "weights"), 112));
    const deviation = (name: string) => Math.sqrt(tf.moments(weights[name]!).variance.dataSync()[0]!);
    const near = (value: number, expected: number) =>
      assert.ok(Math.abs(value / expected - 1) < 0.02, `${value}`);
    for (const name of Object.keys(weights))
      assert.equal(largestDifference(weights[name]!, again[name]!), 0, name);
    // A uniform distribution within +-b has the standard deviation b / sqrt(3).
    const block = "transformer.resblocks.0";
    near(deviation(`${block}.attn.in_proj_weight`), Math.sqrt(6 / (4 * 384)) / Math.sqrt(3));
    near(deviation(`${block}.mlp.c_fc.weight`), 1 / Math.sqrt(384) / Math.sqrt(3));
    near(deviation(`${block}.mlp.c_proj.weight`), 1 / Math.sqrt(1536) / Math.sqrt(3));
    near(deviation("conv1.weight"), 1 / Math.sqrt(3 * 14 * 14) / Math.sqrt(3));
    assert.deepEqual(weights.positional_embedding!.shape, [1 + 8 * 8, 384]);
    assert.equal(deviation(`${block}.attn.in_proj_bias`), 0);
    assert.equal(tf.min(weights[`${block}.ln_1.weight`]!).dataSync()[0], 1);
  });
});

test("the weights of every family have initial values", () => {
  for (const row of ["dinov2-vit-g-14-reg4", "ViT-B-16-SigLIP", "ViT-B-32"]) {
    const tower = smallTower(row);
    const source = freshTower(tower, randomStream(3, row), 28, { projection: true });
    assert.deepEqual([...source.shapes.keys()], [...towerShapes(tower).keys()]);
    const weights = toTensors(source);
    for (const [name, weight] of Object.entries(weights)) {
      const spread = tf.tidy(() => tf.max(weight).dataSync()[0]! - tf.min(weight).dataSync()[0]!);
      const constant = /(ln_\w+|norm)\.|gamma$|in_proj_bias$|out_proj\.bias$/.test(name);
      assert.equal(spread === 0, constant, `${row}: ${name}`);
    }
    tf.dispose(weights);
  }
});

test("the error about a file of another tower names every tensor that does not fit", async () => {
  const path = join(folder, "other.safetensors");
  const entries = [...towerShapes(findTower("tiny"))]
    .filter(([name]) => name !== "ln_post.bias")
    .map(([name, shape]) => (name === "class_embedding" ? { name, shape: [17] } : { name, shape }))
    .concat({ name: "surplus", shape: [1] })
    .map(({ name, shape }) => ({ name, shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) }));
  await writeSafetensors(path, entries);
  assert.throws(
    () => toTensors(towerFile(path, findTower("tiny"), 28)),
    /missing: ln_post\.bias; unexpected: surplus; of another shape: class_embedding \(expected \[16\], found \[17\]\)/,
  );
  assert.throws(
    () => toTensors(towerFile(join(folder, "none"), findTower("tiny"), 28)),
    /there is none[\s\S]*prepare-model --model tiny/,
  );
});

test("a file with proj loads without it", async () => {
  const tower = { ...findTower("tiny"), projectionWidth: 4 };
  const path = join(folder, "with_proj.safetensors");
  const values = (shape: readonly number[]) => new Float32Array(shape.reduce((a, b) => a * b, 1));
  await writeSafetensors(
    path,
    [...towerShapes(tower)].map(([name, shape]) => ({ name, shape, data: values(shape) })),
  );
  const weights = toTensors(towerFile(path, tower, 56));
  assert.equal("proj" in weights, false);
  assert.deepEqual(weights.positional_embedding!.shape, [1 + 8 * 8, 16]);
  tf.dispose(weights);
});
