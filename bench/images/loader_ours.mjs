// Our side of `npm run bench loader`: makes the batches of fine-tuning.
import { readdirSync } from "node:fs";
import { overrideConfig } from "guie/dist/config/config.js";
import { vit224 } from "guie/dist/config/presets.js";
import { findTower } from "guie/dist/model/towers.js";
import { imageBatches } from "guie/dist/training/data/batches.js";
import { serve } from "../shared/contestant.mjs";

const dataDir = process.argv[2];
const files = readdirSync(dataDir);
const config = overrideConfig(vit224(), {
  dataDir,
  batchSize: 32,
  maxStepsPerEpoch: 0,
  imageSize: 224,
  numWorkers: 2,
  nEpochs: 1,
  sampler: "shuffle",
  augmentation: "original",
  resizeMode: "squash",
});
const table = { files, labels: files.map(() => 0) };
let seed = 0;

await serve(async () => {
  // a new source each time: nothing is prepared before the clock starts, or while the peer runs
  const batches = imageBatches({ ...config, seed: ++seed }, table, findTower("ViT-H-14"));
  for (let stepInEpoch = 1; stepInEpoch <= batches.stepsPerEpoch; stepInEpoch++)
    batches.release(await batches.batchAt({ epoch: 1, stepInEpoch }));
});
