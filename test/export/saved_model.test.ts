// Compares the exported SavedModel in stock Python TensorFlow with our own embedding of the same files.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { installPath } from "guie/dist/common/project";
import type { TrainConfig } from "guie/dist/config/config";
import { loadEmbedder } from "guie/dist/embedding/find_model";
import { tf } from "guie/dist/engine/native/tf";
import { exportRun, FORMATS } from "guie/dist/export/export_run";
import { zipFolder } from "guie/dist/export/zip";
import { openSafetensors } from "guie/dist/formats/safetensors";
import { findTower } from "guie/dist/model/towers";
import { findCheckpoint } from "guie/dist/runs/checkpoint_ref";
import { writeNote } from "guie/dist/runs/run_note";
import sharp from "sharp";
import { open as openZip } from "yauzl";
import { configOf, randomModel, writeRun } from "./models";

const parent = mkdtempSync(join(tmpdir(), "guie-export-"));
after(() => rmSync(parent, { recursive: true, force: true }));

/** Sizes for every branch of the resize rule: larger, exactly twice, equal, smaller, one side longer, a line. */
const SIZES = [
  [640, 480],
  [448, 448],
  [224, 224],
  [225, 225],
  [100, 90],
  [100, 300],
  [500, 60],
  [1, 300],
] as const;
const PHOTO = installPath("test/golden/images/area.jpg");
let files: string[];

before(async () => {
  const photo = sharp(PHOTO);
  files = await Promise.all(
    SIZES.map(async ([width, height], i) => {
      const file = join(parent, `${width}x${height}.${i % 2 ? "jpg" : "png"}`);
      const resized = photo.clone().resize(width, height, { fit: "fill" });
      await (i % 2 ? resized.jpeg({ quality: 95 }) : resized.png()).toFile(file);
      return file;
    }),
  );
});

const TINY = findTower("tiny");

async function makeRun(overrides: Partial<TrainConfig> = {}) {
  const config = configOf(TINY, overrides);
  const weights = randomModel(TINY, config);
  const run = await writeRun(parent, config, weights);
  tf.dispose(weights);
  return run;
}

interface Loaded {
  input: unknown;
  outputs: unknown;
  variables: string[];
  vectors: Record<string, number[][]>;
}

function loadInPython(model: string, batch: number): Loaded {
  const script = installPath("test/export/load_saved_model.py");
  const python = installPath(".venv/bin/python");
  const { stdout, stderr, status } = spawnSync(python, [script, model, String(batch), ...files], {
    encoding: "utf8",
    env: { PATH: process.env.PATH },
  });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout.trim().split("\n").at(-1)!);
}

/** Returns our own embedding of the files, one row each. */
async function expectedVectors(run: string, mirror: boolean): Promise<number[][]> {
  const embedder = loadEmbedder(run);
  const views = mirror ? "mirror" : "whole";
  const embed = await embedder.embedShards("/", { views, stage: "test", total: files.length });
  const { vectors } = await embed(files, 0);
  embedder.dispose();
  return files.map((_, i) => Array.from(vectors.data.subarray(64 * i, 64 * (i + 1))));
}

/** Returns the tolerance: float32's, except where TensorFlow's area kernel rounds sums near a half differently (one value in a thousand, by 1 of 255). */
function mostDistance([width, height]: (typeof SIZES)[number]): number {
  const isArea = Math.min(width, height) > 224 && !(width === 448 && height === 448);
  return isArea ? 1e-4 : 1e-6;
}

const cosine = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

for (const [batch, mirror, overrides] of [
  [1, false, { lastBlocks: 2 }],
  [3, true, { neck: "norm_double_linear", imageSize: 56, patchPooling: "gem" }],
  [2, false, { resizeMode: "pad" }],
  [4, true, { resizeMode: "crop" }],
  [5, false, { imageSize: 56, evalImageSize: 28 }],
] as const) {
  test(`TensorFlow loads a SavedModel and embeds images of any size, ${batch} at a time${mirror ? ", mirrored too" : ""}`, async () => {
    const run = await makeRun(overrides);
    const out = join(parent, `model_${batch}`);
    const { bytes, imagesPerSecond } = await exportRun({ run, format: "savedmodel", out, mirror });
    assert.deepEqual(readdirSync(join(out, "variables")).sort(), [
      "variables.data-00000-of-00001",
      "variables.index",
    ]);
    assert.ok(bytes > 20_000 && imagesPerSecond! > 1);
    const loaded = loadInPython(out, batch);
    assert.deepEqual(loaded.input, ["images", "uint8", [null, null, null, 3]]);
    assert.deepEqual(loaded.outputs, { embedding_norm: [null, 64] });
    assert.ok(loaded.variables.some((name) => name.includes("neck.bias")));
    const expected = await expectedVectors(run, mirror);
    for (const [i, file] of files.entries()) {
      const rows = loaded.vectors[file]!;
      assert.equal(rows.length, batch);
      for (const row of rows) {
        assert.ok(Math.abs(cosine(row, row) - 1) < 1e-5, `${file}: length ${cosine(row, row)}`);
        const distance = Math.max(...row.map((value, j) => Math.abs(value - expected[i]![j]!)));
        assert.ok(distance < mostDistance(SIZES[i]!), `${file}: ${distance}`);
      }
    }
    // The images differ, and so must their vectors: otherwise every cosine would be 1
    assert.ok(
      cosine(expected[0]!, expected.at(-1)!) < 0.9995,
      `all alike: ${cosine(expected[0]!, expected.at(-1)!)}`,
    );
  });
}

test("a ZIP holds the SavedModel's files at its root; an existing one needs --overwrite", async () => {
  const run = await makeRun();
  const out = join(parent, "submission.zip");
  await exportRun({ run, format: "zip", out });
  assert.deepEqual(await namesInZip(out), [
    "saved_model.pb",
    "variables/variables.data-00000-of-00001",
    "variables/variables.index",
  ]);
  await assert.rejects(exportRun({ run, format: "zip", out }), /submission\.zip is there already/);
  await exportRun({ run, format: "zip", out, overwrite: true });
  assert.deepEqual(
    readdirSync(parent).filter((name) => name.endsWith(".tmp") || name.endsWith(".d")),
    [],
  );
  assert.ok(FORMATS.includes("zip"));
});

test("the same files make the same archive", async () => {
  const folder = join(parent, "to_zip");
  mkdirSync(join(folder, "inner"), { recursive: true });
  for (const name of ["b", "inner/a"]) writeFileSync(join(folder, name), name.repeat(1000));
  for (const name of ["one.zip", "two.zip"]) await zipFolder(folder, join(parent, name));
  const [one, two] = ["one.zip", "two.zip"].map((name) => sha(join(parent, name)));
  assert.equal(one, two);
});

test("safetensors: the tower for open_clip, neck and head in a second file; a frozen run's model is complete", async () => {
  const run = await makeRun();
  const out = join(parent, "weights");
  const classes = ["fruit/apple", "fruit/fig"];
  writeNote(findCheckpoint(run).folder, { table: { file: "t.csv", sha256: "", rows: 2 }, classes });
  await exportRun({ run, format: "safetensors", out });
  const [tower, rest] = ["tower", "neck_and_head"].map((name) =>
    openSafetensors(join(out, `${name}.safetensors`)),
  );
  assert.ok(tower!.tensors.has("transformer.resblocks.0.attn.in_proj_weight"));
  assert.deepEqual([...rest!.tensors.keys()].sort(), ["head.weight", "neck.bias", "neck.weight"]);
  assert.deepEqual(JSON.parse(rest!.metadata.classes!), classes, "the classes of the head's rows");
  tower!.close();
  rest!.close();
  const frozen = await makeRun({ stage: "frozen", weights: "random" });
  await exportRun({ run: frozen, format: "onnx", out: join(parent, "frozen") });
  assert.ok(existsSync(join(parent, "frozen/model.onnx")));
});

test("guie export prints path, size and the time for the competition's images", async () => {
  const run = await makeRun();
  const guie = (which: string, ...args: string[]) =>
    spawnSync(process.execPath, [installPath("lib/bin/guie.js"), "export", which, ...args], {
      encoding: "utf8",
    });
  const { stdout, stderr } = guie(run, "--format", "savedmodel", "--mirror");
  assert.match(
    stdout,
    /export\/saved_model: .*saved_model\.pb \d+ KB.*\ninput: {2}images \[B, H, W, 3\], uint8, of any size\noutput: embedding_norm \[B, \d+\], float32, unit length\n[\d.e+]+ images\/s here.* h for the competition's 205,000/,
    stderr,
  );
  assert.match(guie(`${run}:ema`, "--format", "zip").stderr, /holds no EMA/);
});

function namesInZip(path: string): Promise<string[]> {
  return new Promise((resolve, reject) => {
    openZip(path, { lazyEntries: false }, (error, zip) => {
      if (error) return reject(error);
      const names: string[] = [];
      zip.on("entry", ({ fileName }) => names.push(fileName));
      zip.on("end", () => resolve(names.sort()));
    });
  });
}

function sha(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

test("two processes export the same run to identical bytes", async () => {
  const run = await makeRun();
  const [one, other] = ["one", "other"].map((name) => {
    const out = join(parent, name);
    const args = [installPath("lib/bin/guie.js"), "export", run, "--format", "savedmodel", "--out", out];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    const files = readdirSync(out, { recursive: true, encoding: "utf8" }).filter((file) =>
      /\.|data/.test(file),
    );
    return Object.fromEntries(
      files.sort().map((file) => [
        file,
        createHash("sha256")
          .update(readFileSync(join(out, file)))
          .digest("hex"),
      ]),
    );
  });
  assert.deepEqual(Object.keys(one!), [
    "saved_model.pb",
    "variables/variables.data-00000-of-00001",
    "variables/variables.index",
  ]);
  assert.deepEqual(one, other);
});
