// `npm run check:weights [-- MODEL FILE]`: checks that open_clip, timm and Hugging Face load the files of `guie export
// --format safetensors` with strict=True, and compute the same features. Uses random weights of real towers, or a file
// of prepare-model. The libraries are installed once, into .cache (1 GB).
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import random from "guie/dist/common/random.js";
import { tf } from "guie/dist/engine/native/tf.js";
import { exportWeights } from "guie/dist/export/tower_file.js";
import safetensors from "guie/dist/formats/safetensors.js";
import towerWeights from "guie/dist/model/tower_weights.js";
import towers from "guie/dist/model/towers.js";
import vit from "guie/dist/model/vit.js";
import sources from "guie/dist/model/weight_source.js";
import { run, SetupError } from "../setup/run.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const PEERS = join(root, ".cache/peers/libraries");
const PACKAGES = [
  "torch==2.13.0",
  "open_clip_torch==3.3.0",
  "timm==1.0.31",
  "transformers==5.23.0",
  "safetensors==0.8.0",
  "numpy==2.4.6",
];
const FOLDER = join(root, ".cache/check_weights");

/** One model of each kind, and the library whose tensor names are used. */
const CASES = [
  ["ViT-B-32", "open_clip"],
  ["ViT-B-32-quickgelu", "huggingface"],
  ["dinov2-vit-s-14", "timm"],
  ["dinov2-vit-s-14-reg4", "timm"],
  ["dinov2-vit-s-14-reg4", "huggingface"],
  ["ViT-B-16-SigLIP", "huggingface"],
  ["ViT-B-16-SigLIP", "timm"],
];

async function installPeers() {
  if (existsSync(join(PEERS, "ready"))) return;
  console.log(`check: ${PACKAGES.join(", ")} into .cache/peers/libraries ...`);
  await run("python3", ["-m", "venv", PEERS], { cwd: root, next: "sudo apt-get install python3-venv" });
  const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
  await run(join(PEERS, "bin/python"), [...install, ...PACKAGES], {
    cwd: root,
    next: "look at pip's message above (is the Python registry reachable?), then: npm run check:weights",
  });
  writeFileSync(join(PEERS, "ready"), "");
}

/** Writes a file like prepare-model's without neutral weights: biases are not 0, gains not 1. */
async function randomWeights(tower, path) {
  const stream = random.randomStream(1, "weights", tower.name);
  const block = Float32Array.from({ length: 100_003 }, () => stream.normal());
  let position = 0;
  const entries = [...towers.towerShapes(tower)].map(([name, shape]) => ({
    name,
    shape,
    data: () => {
      const mean = /(ln_\w+|norm)\.weight$|gamma$/.test(name) ? 1 : 0;
      const length = shape.reduce((product, size) => product * size, 1);
      return Float32Array.from({ length }, () => mean + 0.05 * block[position++ % block.length]);
    },
  }));
  await safetensors.writeSafetensors(path, entries);
}

/** Writes our features of one random image, at the size for which the file has positions. */
async function writeExpected(tower, weightsPath, path) {
  const sizePx = tower.positionGrid * tower.patchSizePx;
  const projection = tower.projectionWidth !== null;
  const stream = random.randomStream(2, "image");
  const image = Float32Array.from({ length: sizePx ** 2 * 3 }, () => stream.normal());
  const weights = sources.toTensors(towerWeights.towerFile(weightsPath, tower, sizePx, { projection }));
  const images = tf.tensor4d(image, [1, sizePx, sizePx, 3]);
  const features = vit.vitFeatures(weights, images, { ...tower, imageSizePx: sizePx }, { projection });
  await safetensors.writeSafetensors(path, [
    { name: "image", shape: images.shape, data: image },
    { name: "features", shape: features.shape, data: features.dataSync() },
  ]);
  tf.dispose([weights, images, features]);
}

/** Exports one case and lets the library load it; returns true on success. */
async function check(model, naming, given) {
  const tower = towers.findTower(model);
  const weights = given ?? join(FOLDER, `${model}.safetensors`);
  const [file, expected] = ["exported", "expected"].map((name) => join(FOLDER, `${name}.safetensors`));
  if (given === undefined) await randomWeights(tower, weights);
  await exportWeights({ model, weights }, naming, file);
  await writeExpected(tower, weights, expected);
  const spec = JSON.stringify({ ...tower, mlpWidth: towers.mlpWidth(tower), naming, file, expected });
  const python = join(PEERS, "bin/python");
  const { status, stdout, stderr } = spawnSync(python, [join(root, "scripts/check/weights.py"), spec], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, HF_HUB_OFFLINE: "1", PYTHONPATH: join(root, "test/golden") },
  });
  const last = stderr.trim().split("\n").at(-1).slice(0, 300);
  console.log(`check: ${model} as ${naming}: ${status === 0 ? stdout.trim() : `failed: ${last}`}`);
  return status === 0;
}

try {
  await installPeers();
  mkdirSync(FOLDER, { recursive: true });
  const [model, given] = process.argv.slice(2);
  const cases = model ? CASES.filter(([name]) => name === model) : CASES;
  const wanted = cases.length > 0 ? cases : [[model, model.startsWith("dinov2") ? "timm" : "open_clip"]];
  for (const [name, naming] of wanted) {
    if (!(await check(name, naming, given && join(process.cwd(), given)))) process.exitCode = 1;
  }
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`\ncheck failed: ${error.message}\n  Next: ${error.next}`);
  process.exitCode = 1;
} finally {
  rmSync(FOLDER, { recursive: true, force: true });
}
