// Tests the export of weights from a run and from a prepared file. Others test that libraries load them: tower_names
// (names and shapes) and `npm run check:weights` (the libraries themselves).

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { writeJson } from "guie/dist/common/files/files";
import { installPath } from "guie/dist/common/project";
import { randomStream } from "guie/dist/common/random";
import { elementCount } from "guie/dist/common/vectors";
import { overrideConfig } from "guie/dist/config/config";
import { tiny } from "guie/dist/config/presets";
import { exportWeights } from "guie/dist/export/tower_file";
import { openSafetensors, type TensorEntry, writeSafetensors } from "guie/dist/formats/safetensors";
import { headShapes } from "guie/dist/model/head";
import type { Tower } from "guie/dist/model/tower";
import { freshTower } from "guie/dist/model/tower_weights";
import { findTower, TOWERS, towerShapes } from "guie/dist/model/towers";
import { featureLength } from "guie/dist/model/vit";
import { defaultLibrary } from "guie/dist/pretrained/export_names";

const folder = mkdtempSync(join(tmpdir(), "guie-export-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const out = join(folder, "out.safetensors");
const TINY = findTower("tiny");

/** Writes a tower's random weights for an image size, with `prefix` before their names. */
async function writeTower(
  path: string,
  sizePx: number,
  prefix = "",
  others: TensorEntry[] = [],
): Promise<void> {
  const source = freshTower(TINY, randomStream(sizePx, "weights"), sizePx);
  const entries = [...source.shapes].map(([name, shape]) => {
    const data = new Float32Array(elementCount(shape));
    source.write(name, data);
    return { name: prefix + name, shape, data };
  });
  await writeSafetensors(path, [...entries, ...others]);
}

function zeros(shapes: Record<string, readonly number[]>): TensorEntry[] {
  return Object.entries(shapes).map(([name, shape]) => ({
    name,
    shape,
    data: new Float32Array(elementCount(shape)),
  }));
}

/** Writes a run's folder, as far as exports read it. */
async function makeRun(stage: "frozen" | "fine_tune", weights: string, tower = "tiny"): Promise<string> {
  const run = mkdtempSync(join(folder, "run-"));
  const config = overrideConfig(tiny(stage), { tower, weights, imageSize: 56 });
  writeJson(join(run, "config.json"), config);
  const head = headShapes(config, featureLength(findTower(tower), config), 5);
  const others = zeros({ ...head, "optimizer.exp_avg.neck.weight": head["neck.weight"]! });
  const last = join(run, "last.safetensors");
  if (stage === "frozen") await writeSafetensors(last, others);
  else await writeTower(last, 56, "visual.", others);
  return run;
}

test("a run's export holds only the tower, for the run's image size", async () => {
  const run = await makeRun("fine_tune", join(folder, "none.safetensors"));
  const { tensors, imageSizePx } = await exportWeights({ run }, "open_clip", out);
  assert.equal(imageSizePx, 56);
  const [written, checkpoint] = [openSafetensors(out), openSafetensors(join(run, "last.safetensors"))];
  assert.equal(written.tensors.size, tensors);
  assert.deepEqual(
    [...written.tensors.keys()].sort(),
    [...checkpoint.tensors.keys()]
      .filter((name) => name.startsWith("visual."))
      .map((name) => name.slice("visual.".length))
      .sort(),
  );
  assert.deepEqual(written.tensors.get("positional_embedding")!.shape, [1 + 8 * 8, 16]);
  for (const name of written.tensors.keys())
    assert.deepEqual(written.read(name), checkpoint.read(`visual.${name}`), name);
  written.close();
  checkpoint.close();
});

test("proj, which training does not change, comes from the file that the run started from", async () => {
  const row: Tower = { ...TINY, name: "tiny-with-proj", projectionWidth: 2 };
  (TOWERS as Tower[]).push(row);
  const start = join(folder, "start.safetensors");
  const proj = Float32Array.from({ length: 16 * 2 }, (_, i) => i);
  await writeSafetensors(start, [{ name: "proj", shape: [16, 2], data: proj }]);
  const run = await makeRun("fine_tune", start, row.name);
  await exportWeights({ run }, "open_clip", out);
  const written = openSafetensors(out);
  assert.deepEqual(written.read("proj"), proj);
  written.close();
  await exportWeights({ run }, "huggingface", out);
  const transposed = openSafetensors(out);
  assert.deepEqual(transposed.tensors.get("visual_projection.weight")!.shape, [2, 16]);
  assert.deepEqual([...transposed.read("visual_projection.weight").subarray(0, 3)], [0, 2, 4]);
  transposed.close();
});

test("a checkpoint without one of the tower's tensors is an error, and nothing is written", async () => {
  const run = await makeRun("fine_tune", "none.safetensors");
  await writeSafetensors(join(run, "last.safetensors"), [
    { name: "visual.class_embedding", shape: [16], data: new Float32Array(16) },
  ]);
  rmSync(out, { force: true });
  await assert.rejects(
    exportWeights({ run }, "open_clip", out),
    /last\.safetensors does not fit the run's config\.json: missing: neck\.weight.*visual\.conv1\.weight/,
  );
  assert.equal(existsSync(out), false);
});

test("the export of a run that did not train its tower holds the one it started from", async () => {
  const prepared = join(folder, "tiny.safetensors");
  await writeTower(prepared, 28);
  const run = await makeRun("frozen", prepared);
  const { imageSizePx } = await exportWeights({ run }, "open_clip", out);
  assert.equal(imageSizePx, 28);
  const [written, start] = [openSafetensors(out), openSafetensors(prepared)];
  assert.deepEqual(written.read("conv1.weight"), start.read("conv1.weight"));
  written.close();
  start.close();
});

test("the export of a frozen run of random weights holds the tower drawn by its seed", async () => {
  const run = await makeRun("frozen", "random");
  const { imageSizePx, naming } = await exportWeights({ run }, undefined, out);
  assert.deepEqual([imageSizePx, naming], [56, "open_clip"]);
  const written = openSafetensors(out);
  const drawn = freshTower(TINY, randomStream(tiny("frozen").seed, "weights"), 56);
  for (const [name, shape] of drawn.shapes) {
    const expected = new Float32Array(elementCount(shape));
    drawn.write(name, expected);
    assert.deepEqual(written.read(name), expected, name);
  }
  written.close();
});

test("names default to those of the library that a tower comes from", () => {
  const namesOf = (tower: Tower) => new Set([...towerShapes(tower).keys()].filter((name) => name !== "proj"));
  const libraries = TOWERS.map((tower) => [tower.name, defaultLibrary(tower, namesOf(tower))] as const);
  const expected = (name: string) =>
    name.startsWith("dinov2") ? "dinov2" : name.includes("SigLIP") ? "timm" : "open_clip";
  assert.deepEqual(
    libraries,
    libraries.map(([name]) => [name, expected(name)]),
  );
});

test("guie export writes a prepared file with timm's names", async () => {
  const prepared = join(folder, "prepared.safetensors");
  await writeTower(prepared, 28);
  const out = join(folder, "timm.safetensors");
  const guie = (...args: string[]) =>
    spawnSync(
      process.execPath,
      [installPath("lib/bin/guie.js"), "export", "--format", "safetensors", "--out", out, ...args],
      {
        encoding: "utf8",
      },
    );
  const { stdout, stderr } = guie("--model", "tiny", "--weights", prepared, "--naming", "timm", "--json");
  const word = "is now a word: guie export MODEL.\n";
  assert.equal(stderr, `guie export --model ${word}guie export --weights ${word}`);
  assert.equal(JSON.parse(stdout).imageSizePx, 28);
  const written = openSafetensors(out);
  assert.deepEqual(written.tensors.get("pos_embed")!.shape, [1, 17, 16]);
  assert.ok(written.tensors.has("blocks.1.mlp.fc2.bias"));
  written.close();
  assert.match(guie("--model", "tiny").stderr, /--model: of no use without --weights/);
});

test("a tower's file is replaced on request; its source, and any other file, is kept", async () => {
  const prepared = join(folder, "start_of_it.safetensors");
  await writeTower(prepared, 28);
  const out = join(folder, "again.safetensors");
  const from = { model: "tiny", weights: prepared };
  await exportWeights(from, "timm", out);
  const asked = { overwrite: false };
  await assert.rejects(exportWeights(from, "open_clip", out, asked), /again\.safetensors is there already/);
  await exportWeights(from, "open_clip", out);
  const before = readFileSync(prepared);
  await assert.rejects(exportWeights(from, "open_clip", prepared), /the new would be made from/);
  const other = join(folder, "other.safetensors");
  await writeTower(other, 28);
  await assert.rejects(exportWeights(from, "open_clip", other), /is not a file of exported weights/);
  assert.deepEqual(readFileSync(prepared), before);
  assert.ok(existsSync(other));
});
