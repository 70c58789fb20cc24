// Batches of images: the same pixels whoever prepares them, at any position, in any order.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, test } from "node:test";
import { type BatchSource, imageBatches } from "guie/dist/training/batches";
import { type RunData, readRunData } from "guie/dist/training/data";
import { makeTinyData } from "./tiny_data";

const NORMALISATION = { mean: [0.5, 0.4, 0.3], std: [0.25, 0.5, 1] } as const;

let dataDir: string;
let data: RunData;
before(async () => {
  dataDir = await makeTinyData();
  data = await readRunData({ dataDir, csv: "final_data_224_sample_balance_fold.csv", fold: 1 });
});
after(() => rmSync(dataDir, { recursive: true }));

function source(changes: { numWorkers?: number; seed?: number } = {}): BatchSource {
  const config = { seed: 3, batchSize: 8, maxStepsPerEpoch: 0, imageSize: 28, numWorkers: 1, nEpochs: 3 };
  return imageBatches({ ...config, dataDir, ...changes }, data.train, NORMALISATION);
}

test("the same seed gives the same pixels, whatever the number of workers; another seed gives others", async () => {
  const position = { epoch: 2, stepInEpoch: 2 };
  const [one, four, other] = await Promise.all(
    [source(), source({ numWorkers: 4 }), source({ seed: 4 })].map((batches) => batches.batchAt(position)),
  );
  assert.deepEqual(four, one);
  assert.notDeepEqual(other!.inputs, one!.inputs);
});

test("a batch depends on its position alone, not on what was asked for before", async () => {
  const fresh = await source().batchAt({ epoch: 2, stepInEpoch: 1 });
  const used = source();
  for (const stepInEpoch of [3, 1, 2]) await used.batchAt({ epoch: 1, stepInEpoch });
  assert.deepEqual(await used.batchAt({ epoch: 2, stepInEpoch: 1 }), fresh);
});
