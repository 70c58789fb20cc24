// Our side of `npm run bench loader`: makes the batches of fine-tuning.
import { readdirSync } from "node:fs";
import { imageBatches } from "guie/dist/training/data/batches.js";
import { serve } from "./contestant.mjs";

const NORMALISATION = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
};

const dataDir = process.argv[2];
const files = readdirSync(dataDir);
const config = {
  dataDir,
  batchSize: 32,
  maxStepsPerEpoch: 0,
  imageSize: 224,
  numWorkers: 2,
  nEpochs: 1,
  sampler: "shuffle",
  augmentation: "original",
  resizeMode: "squash",
};
const table = { files, labels: files.map(() => 0) };
let seed = 0;

await serve(async () => {
  // a new source each time: nothing is prepared before the clock starts, or while the peer runs
  const batches = imageBatches({ ...config, seed: ++seed }, table, NORMALISATION);
  for (let stepInEpoch = 1; stepInEpoch <= batches.stepsPerEpoch; stepInEpoch++)
    batches.release(await batches.batchAt({ epoch: 1, stepInEpoch }));
});
