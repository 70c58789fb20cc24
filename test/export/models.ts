// Small models with random weights, and run folders that hold them.
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { writeJson } from "guie/dist/common/files/files";
import { randomStream } from "guie/dist/common/random";
import { overrideConfig, type TrainConfig } from "guie/dist/config/config";
import { tiny } from "guie/dist/config/presets";
import { tf } from "guie/dist/engine/native/tf";
import { writeSafetensors } from "guie/dist/formats/safetensors";
import { neckShapes } from "guie/dist/model/neck";
import type { Tower } from "guie/dist/model/tower";
import { freshTower } from "guie/dist/model/tower_weights";
import { featureLength, type Weights } from "guie/dist/model/vit";
import { toTensors, withPrefix } from "guie/dist/model/weight_source";

/** Returns a config for the tower. */
export function configOf(tower: Tower, overrides: Partial<TrainConfig> = {}): Readonly<TrainConfig> {
  return overrideConfig(tiny("fine_tune"), {
    tower: tower.name,
    imageSize: tower.imageSizePx,
    embeddingDim: 64,
    ...overrides,
  });
}

/** Returns `visual.*` and `neck.*`; no tensor is all 0 or all 1, so that a missing operation is noticed. */
export function randomModel(tower: Tower, config: Readonly<TrainConfig>): Weights {
  const random = randomStream(7, tower.name);
  const weights = toTensors(withPrefix("visual.", freshTower(tower, random, config.imageSize)));
  for (const [name, shape] of Object.entries(neckShapes(config, featureLength(tower, config))))
    weights[name] = tf.zeros(shape);
  for (const [name, weight] of Object.entries(weights)) {
    const values = Float32Array.from(weight.dataSync(), (value) => value + 0.2 * random.normal());
    weights[name] = tf.tensor(
      /var$/.test(name) ? values.map((value) => 1 + value * value) : values,
      weight.shape,
    );
    weight.dispose();
  }
  return weights;
}

/**
 * Writes a run's folder below `parent`, as far as exports read it: config and last checkpoint with a head (for a frozen
 * run, without the tower).
 */
export async function writeRun(
  parent: string,
  config: Readonly<TrainConfig>,
  weights: Weights,
): Promise<string> {
  const folder = mkdtempSync(join(parent, "run-"));
  writeJson(join(folder, "config.json"), config);
  const isKept = (name: string) => config.stage !== "frozen" || !name.startsWith("visual.");
  const kept = Object.entries(weights).filter(([name]) => isKept(name));
  const entries = kept.map(([name, { shape, dataSync }]) => ({
    name,
    shape,
    data: dataSync.call(weights[name]) as Float32Array,
  }));
  const head = {
    name: "head.weight",
    shape: [3, config.embeddingDim],
    data: new Float32Array(3 * config.embeddingDim),
  };
  await writeSafetensors(join(folder, "last.safetensors"), [...entries, head]);
  return folder;
}
