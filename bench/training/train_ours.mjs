// Our side of `npm run bench train`: runs the trainer on image files, with random weights.
import { readdirSync } from "node:fs";
import { randomStream } from "guie/dist/common/random.js";
import { overrideConfig } from "guie/dist/config/config.js";
import { demo } from "guie/dist/config/presets.js";
import { towerFeatures } from "guie/dist/model/embedding_model.js";
import { findTower } from "guie/dist/model/towers.js";
import { imageBatches } from "guie/dist/training/data/batches.js";
import { Trainer } from "guie/dist/training/loop/trainer.js";
import { serve } from "../shared/contestant.mjs";
import { freshModel } from "../shared/fresh_model.mjs";

const CLASSES = 1000;
const spec = JSON.parse(process.argv[2]);
const { imageSizePx: imageSize, width, layers, heads, batch: batchSize, lastBlocks } = spec;
const config = overrideConfig(demo("fine_tune"), {
  dataDir: spec.folder,
  imageSize,
  batchSize,
  lastBlocks,
  numWorkers: 2,
  maxStepsPerEpoch: 0,
  nEpochs: 1000,
  sampler: "shuffle",
});
const tower = { ...findTower(spec.base), imageSizePx: imageSize, width, layers, heads };
const featureCount = lastBlocks * width;
const random = randomStream(1, "bench");
const files = readdirSync(spec.folder);
const trainer = await Trainer.create({
  config,
  batches: imageBatches(config, { files, labels: files.map((_, i) => i) }, tower),
  features: towerFeatures(tower, config),
  inputShape: [batchSize, imageSize, imageSize, 3],
  featureCount,
  weights: freshModel(tower, config, { imageSizePx: imageSize, featureCount, classes: CLASSES }, random),
});

let [seconds, dataSeconds] = [0, 0];
async function iterate() {
  const startedAt = performance.now();
  for (let i = 0; i < spec.steps; i++) dataSeconds += (await trainer.step()).dataSeconds;
  seconds += (performance.now() - startedAt) / 1000;
}
await iterate(); // compiles, and waits for the first batch
[seconds, dataSeconds] = [0, 0];
await serve(iterate, () => ({ dataShare: dataSeconds / seconds }));
