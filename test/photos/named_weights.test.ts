// Weights under other libraries' names, loaded from a file: the vectors are those of `guie embed`.

import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { randomStream } from "guie/dist/common/random";
import { elementCount } from "guie/dist/common/vectors";
import { openFeatures } from "guie/dist/features/feature_files";
import { type TensorEntry, writeSafetensors } from "guie/dist/formats/safetensors";
import { freshTower } from "guie/dist/model/tower_weights";
import { findTower } from "guie/dist/model/towers";
import { loadModel } from "guie/dist/photos/model";
import { exportEntries } from "guie/dist/pretrained/export_names";
import { prepareModel } from "guie/dist/pretrained/prepare_model";
import { temporaryFolder } from "../folders";
import { guie } from "../in_process";
import { largestDifference } from "../tensors";
import { drawClasses } from "./draw";

const TINY = findTower("tiny");
const quiet = { onProgress: () => {} };

/** Draws a tower's weights, by open_clip's names without a prefix. */
function drawWeights(): TensorEntry[] {
  const source = freshTower(TINY, randomStream(27, "weights"), TINY.imageSizePx);
  return [...source.shapes].map(([name, shape]) => {
    const data = new Float32Array(elementCount(shape));
    source.write(name, data);
    return { name, shape, data };
  });
}

/** Tensors of a text tower, as in a file of a whole CLIP. */
const TEXT: TensorEntry[] = [
  { name: "positional_embedding", shape: [4, 8], data: new Float32Array(32).fill(0.1) },
  { name: "token_embedding.weight", shape: [10, 8], data: new Float32Array(80).fill(0.2) },
  { name: "transformer.resblocks.0.ln_1.weight", shape: [8], data: new Float32Array(8).fill(1) },
  { name: "ln_final.weight", shape: [8], data: new Float32Array(8).fill(1) },
  { name: "text_projection", shape: [8, 4], data: new Float32Array(32).fill(0.3) },
  { name: "logit_scale", shape: [], data: new Float32Array([4.6]) },
];

test("a whole CLIP by open_clip's names, and towers by timm's and Hugging Face's, give the vectors of guie embed", async (t) => {
  const folder = temporaryFolder(t);
  const photos = join(folder, "photos");
  await drawClasses(photos, ["red", "green", "blue"], 4);
  const weights = drawWeights();
  const read = (name: string) => weights.find((entry) => entry.name === name)!.data as Float32Array;
  const names = new Set(weights.map(({ name }) => name));
  const files = {
    open_clip: [...weights.map((entry) => ({ ...entry, name: `visual.${entry.name}` })), ...TEXT],
    timm: exportEntries(TINY, "timm", names, read),
    huggingface: exportEntries(TINY, "huggingface", names, read),
  };
  const own = join(folder, "open_clip.safetensors");
  for (const [library, entries] of Object.entries(files))
    await writeSafetensors(join(folder, `${library}.safetensors`), entries);
  const { path } = await prepareModel({ model: "tiny", from: own, out: join(folder, "prepared") });
  const out = join(folder, "features");
  const flags = ["--config-name", "tiny", "--weights", path, "--out", out, "--dtype", "float32"];
  const { status, stderr } = await guie("embed", photos, ...flags);
  assert.equal(status, 0, stderr);
  const embedded = openFeatures(out);
  const expected = embedded.readAll();
  const rows = [...(await embedded.readRows()).files];
  assert.equal(expected.count, 12);
  for (const library of Object.keys(files)) {
    const model = await loadModel(join(folder, `${library}.safetensors`), { preset: "tiny", ...quiet });
    t.after(() => model.dispose());
    assert.deepEqual(
      [model.isBackbone, model.dim, model.embedder.config.tower],
      [true, expected.length, "tiny"],
    );
    const vectors = await model.embed(photos, quiet);
    assert.deepEqual(vectors.images!.files, rows);
    const difference = largestDifference(vectors.data, expected.data);
    assert.ok(difference < 1e-6, `${library}: ${difference}`);
  }
  // the values count, not only the names: another value of one bias gives other vectors
  const other = files.timm.map((entry) =>
    entry.name === "blocks.0.attn.proj.bias" ? shifted(entry) : entry,
  );
  await writeSafetensors(join(folder, "other.safetensors"), other);
  const model = await loadModel(join(folder, "other.safetensors"), { preset: "tiny", ...quiet });
  t.after(() => model.dispose());
  assert.ok(largestDifference((await model.embed(photos, quiet)).data, expected.data) > 1e-3);
});

function shifted({ data, ...entry }: TensorEntry): TensorEntry {
  const values = typeof data === "function" ? data() : data;
  return {
    ...entry,
    data: Float32Array.from(values as Float32Array, (value, i) => (i === 0 ? value - 1 : value)),
  };
}
