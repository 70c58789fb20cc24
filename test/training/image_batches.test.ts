// Batches of images have the same pixels whatever thread or process prepares them, in any order.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, test } from "node:test";
import { preset } from "guie/dist/config/presets";
import { computeFeatures } from "guie/dist/features/features";
import { loadImages } from "guie/dist/images/loading/loader";
import { findTower } from "guie/dist/model/towers";
import { type Batch, type BatchSource, imageBatches } from "guie/dist/training/data/batches";
import { epochLength } from "guie/dist/training/data/epoch_rows";
import { readWholeData } from "guie/dist/training/data/read_run_data";
import type { RunData } from "guie/dist/training/data/run_data";
import { ONE_PROCESS } from "guie/dist/training/data/samplers";
import { normalised } from "../images/make";
import { makeTinyData } from "./tiny_data";

const SHUFFLE = { sampler: "shuffle", samplesPerClass: 1, dataSetSampling: "rows" } as const;
/** Number of values of a 28 px image, and the start of its 14th row. */
const VALUES = 28 * 28 * 3;
const CENTRE = 14 * 28 * 3;
const NORMALISATION = { mean: [0.5, 0.4, 0.3], std: [0.25, 0.5, 1] } as const;

let dataDir: string;
let data: RunData;
before(async () => {
  dataDir = await makeTinyData();
  data = await readWholeData({ dataDir, csv: "final_data_224_sample_balance_fold.csv", fold: 1 });
});
after(() => rmSync(dataDir, { recursive: true }));

function source(
  changes: { numWorkers?: number; seed?: number; batchSize?: number; leastSteps?: number } = {},
  shard = ONE_PROCESS,
): BatchSource {
  const config = {
    seed: 3,
    batchSize: 8,
    maxStepsPerEpoch: 0,
    leastSteps: 0,
    imageSize: 28,
    numWorkers: 1,
    nEpochs: 3,
    accumulationSteps: 1,
    augmentation: "original" as const,
    resizeMode: "squash" as const,
    ...SHUFFLE,
  };
  return imageBatches({ ...config, dataDir, ...changes }, data.train, NORMALISATION, shard);
}

test("the same seed gives the same pixels, whatever the number of workers; another seed gives others", async () => {
  const position = { epoch: 2, stepInEpoch: 2 };
  const [one, four, other] = await Promise.all(
    [source(), source({ numWorkers: 4 }), source({ seed: 4 })].map((batches) => batches.batchAt(position)),
  );
  assert.deepEqual(four, one);
  assert.notDeepEqual(other!.inputs, one!.inputs);
});

test("the batches of two ranks, concatenated, are the doubled batch of one process, pixel by pixel", async () => {
  for (const position of [
    { epoch: 1, stepInEpoch: 1 },
    { epoch: 2, stepInEpoch: 2 },
  ]) {
    const whole = await source({ batchSize: 16 }).batchAt(position);
    const ranks = [0, 1].map((rank) => source({}, { rank, worldSize: 2 }).batchAt(position));
    const [first, second] = await Promise.all(ranks);
    assert.deepEqual([...first!.files, ...second!.files], whole.files);
    assert.deepEqual(Float32Array.of(...first!.inputs, ...second!.inputs), whole.inputs);
  }
});

test("a batch depends only on its position, not on earlier requests", async () => {
  const fresh = await source().batchAt({ epoch: 2, stepInEpoch: 1 });
  const used = source();
  for (const stepInEpoch of [3, 1, 2]) await used.batchAt({ epoch: 1, stepInEpoch });
  assert.deepEqual(await used.batchAt({ epoch: 2, stepInEpoch: 1 }), fresh);
});

test("evaluation does not augment, and loses no image: 36 images in batches of 32", async () => {
  const files = Array.from(
    { length: 36 },
    (_, i) => `final_data_224/tiny/images/${Math.floor(i / 6)}_${i % 6}.jpg`,
  );
  const batchSizes: number[] = [];
  const tower = { ...findTower("tiny"), ...NORMALISATION };
  const length = 2 * tower.width;
  // a backbone that returns the pixels of the image's 14th row as features
  const features = async (pixels: Float32Array) => {
    const count = pixels.length / VALUES;
    batchSizes.push(count);
    const firsts = Array.from({ length: count }, (_, i) => [
      ...pixels.slice(i * VALUES + CENTRE, i * VALUES + CENTRE + length),
    ]);
    return Float32Array.from(firsts.flat());
  };
  const config = { ...preset("tiny"), dataDir, lastBlocks: 2 };
  const { data: rows, count } = await computeFeatures(
    config,
    { tower, features, length },
    files,
    "validation",
  );
  assert.deepEqual([count, batchSizes], [36, [32, 4]]);
  for (const [i, file] of files.entries()) {
    const plain = normalised(await loadImages(dataDir, [file], 28, 1), NORMALISATION);
    assert.deepEqual(rows.slice(i * length, (i + 1) * length), plain.slice(CENTRE, CENTRE + length), file);
  }
});

test("an epoch goes through few rows several times, so that the run has its least number of steps", () => {
  const length = (rows: number, changes = {}) =>
    epochLength(
      { seed: 1, batchSize: 8, nEpochs: 4, maxStepsPerEpoch: 0, leastSteps: 40, ...SHUFFLE, ...changes },
      rows,
      1,
    );
  assert.deepEqual(length(16), { steps: 10, passes: 5 });
  assert.deepEqual(length(6), { steps: 10, passes: 14 }); // 84 rows: 10 whole batches
  assert.deepEqual(length(800), { steps: 100, passes: 1 }); // enough rows
  assert.deepEqual(length(16, { leastSteps: 0 }), { steps: 2, passes: 1 });
  assert.deepEqual(length(16, { maxStepsPerEpoch: 3 }), { steps: 3, passes: 5 });
  assert.deepEqual(length(0), { steps: 0, passes: 1 });
});

test("every pass of an epoch has each row once, in an order and with an augmentation of its own", async () => {
  const rows = data.train.files.length;
  const passes = 3;
  const batches = source({ batchSize: rows, leastSteps: 3 * passes });
  assert.equal(batches.stepsPerEpoch, passes);
  const seen: Batch[] = [];
  for (let stepInEpoch = 1; stepInEpoch <= passes; stepInEpoch++)
    seen.push(await batches.batchAt({ epoch: 1, stepInEpoch }));
  for (const { files } of seen) assert.deepEqual(files.toSorted(), [...data.train.files].sort());
  assert.notDeepEqual(seen[0]!.files, seen[1]!.files);
  const pixelsOf = ({ files, inputs }: Batch) => {
    const place = files.indexOf(data.train.files.at(0)!);
    return inputs.slice((place * inputs.length) / rows, ((place + 1) * inputs.length) / rows);
  };
  assert.notDeepEqual(pixelsOf(seen[0]!), pixelsOf(seen[1]!));
});
