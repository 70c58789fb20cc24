// A side of `npm run bench packed`: makes the batches of an epoch of fine-tuning from files, or from tars.
import { overrideConfig } from "guie/dist/config/config.js";
import { preset } from "guie/dist/config/presets.js";
import { findTower } from "guie/dist/model/towers.js";
import { readTrainingTable } from "guie/dist/tables/training_table.js";
import { imageBatches } from "guie/dist/training/data/batches.js";
import { ONE_PROCESS } from "guie/dist/training/data/samplers.js";
import { TarRows } from "guie/dist/training/data/tar_rows.js";
import { serve } from "../shared/contestant.mjs";

const [dataDir, imagesFrom, threads] = process.argv.slice(2);
const config = overrideConfig(preset("tiny", "fine_tune"), {
  dataDir,
  imagesFrom: imagesFrom === "tars" ? "tars" : "files",
  numWorkers: Number(threads),
  imageSize: 224,
  batchSize: 32,
  maxStepsPerEpoch: 0,
  nEpochs: 1,
  shuffleBuffer: 512,
});
const { trainFiles, trainLabels } = await readTrainingTable(dataDir, { fold: 1 });
const table = { files: trainFiles, labels: trainLabels };
let seed = 0;

await serve(async () => {
  // a new source each time: nothing is read before the clock starts
  const settings = { ...config, seed: ++seed };
  const tars = imagesFrom === "tars" ? await TarRows.open(settings, table) : undefined;
  const batches = imageBatches(settings, table, findTower("ViT-H-14"), ONE_PROCESS, tars);
  for (let stepInEpoch = 1; stepInEpoch <= batches.stepsPerEpoch; stepInEpoch++)
    batches.release(await batches.batchAt({ epoch: 1, stepInEpoch }));
});
