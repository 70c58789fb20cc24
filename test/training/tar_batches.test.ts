// Batches from tars: the pixels of the files, resumed at any step, divided over processes.
import assert from "node:assert/strict";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type ConfigOverrides, overrideConfig } from "guie/dist/config/config";
import { tiny } from "guie/dist/config/presets";
import { packImages } from "guie/dist/packs/pack";
import { packFolder } from "guie/dist/packs/pack_folder";
import { madeOf } from "guie/dist/runs/provenance";
import { dataDifferences, writeNote } from "guie/dist/runs/run_note";
import { configDifferences } from "guie/dist/runs/start_folder";
import { type Batch, type BatchSource, imageBatches, positionOf } from "guie/dist/training/data/batches";
import { readWholeData } from "guie/dist/training/data/read_run_data";
import type { RunData } from "guie/dist/training/data/run_data";
import { ONE_PROCESS } from "guie/dist/training/data/samplers";
import { TarRows } from "guie/dist/training/data/tar_rows";
import { temporaryFolder } from "../folders";
import { makeTinyData } from "./tiny_data";

const NORMALISATION = { mean: [0.5, 0.4, 0.3], std: [0.25, 0.5, 1] } as const;
const EPOCHS = 2;

let dataDir: string;
let data: RunData;
before(async () => {
  dataDir = await makeTinyData();
  await packImages({ dataDir, imagesPerTar: 7 });
  data = await readWholeData({ dataDir, csv: "final_data_224_sample_balance_fold.csv", fold: 1 });
});
after(() => rmSync(dataDir, { recursive: true }));

const TARS = { imagesFrom: "tars", shuffleBuffer: 5 } as const;

async function source(changes: ConfigOverrides = {}, shard = ONE_PROCESS): Promise<BatchSource> {
  const given = { dataDir, batchSize: 4, nEpochs: EPOCHS, maxStepsPerEpoch: 0, ...TARS, ...changes };
  const config = overrideConfig(tiny("fine_tune"), given);
  return imageBatches(
    config,
    data.train,
    NORMALISATION,
    shard,
    await TarRows.open(config, data.train, shard),
  );
}

/** Returns the batches from a step, counted over the run, to the last. */
async function batchesFrom(first: number, batches: BatchSource): Promise<Batch[]> {
  const found: Batch[] = [];
  for (let step = first; step <= EPOCHS * batches.stepsPerEpoch; step++)
    found.push(await batches.batchAt(positionOf(step, batches.stepsPerEpoch)));
  return found;
}

test("an image from a tar has the pixels of its file, augmented by the same draws, and its class", async () => {
  const config = overrideConfig(tiny("fine_tune"), { dataDir, batchSize: 30, nEpochs: 1 });
  const [fromFiles] = await batchesFrom(1, imageBatches(config, data.train, NORMALISATION));
  const [fromTars] = await batchesFrom(1, await source({ batchSize: 30, nEpochs: 1 }));
  assert.equal(data.train.files.length, 30);
  const imagesOf = ({ files, labels, inputs }: Batch) => {
    const length = inputs.length / files.length;
    return new Map(files.map((file, i) => [file, [labels[i], inputs.slice(i * length, (i + 1) * length)]]));
  };
  assert.notDeepEqual(fromTars!.files, fromFiles!.files);
  const expected = imagesOf(fromFiles!);
  for (const [file, image] of imagesOf(fromTars!)) assert.deepEqual(image, expected.get(file), file);
});

test("a run that goes on at any step sees what an unbroken one sees; so does a step that comes again", async () => {
  const whole = await batchesFrom(1, await source());
  assert.equal(whole.length, 14);
  for (const first of [2, 5, 7, 8, 12]) {
    const resumed = await batchesFrom(first, await source());
    assert.deepEqual(resumed, whole.slice(first - 1), `from step ${first}`);
  }
  const batches = await source();
  const again = [];
  for (const step of [3, 3, 1]) again.push(await batches.batchAt(positionOf(step, batches.stepsPerEpoch)));
  assert.deepEqual(again, [whole[2], whole[2], whole[0]]);
});

test("two processes share an epoch's images out: none twice, none left out but the last partial step", async () => {
  const parts = await Promise.all(
    [0, 1].map(async (rank) => batchesFrom(1, await source({ processes: 2 }, { rank, worldSize: 2 }))),
  );
  for (const epoch of [0, 1]) {
    const seen = parts.flatMap((batches) =>
      batches.slice(3 * epoch, 3 * epoch + 3).flatMap(({ files }) => files),
    );
    assert.equal(seen.length, 24);
    assert.equal(new Set(seen).size, 24);
  }
});

test("an epoch of several passes sees each image in each pass", async () => {
  const batches = await source({ batchSize: 30, leastSteps: 6, shuffleBuffer: 1 });
  assert.equal(batches.stepsPerEpoch, 3);
  for (const { files } of await batchesFrom(1, batches)) assert.equal(new Set(files).size, 30);
});

test("a run from tars goes on in as many processes as before; one from files in others", () => {
  const differences = (changes: ConfigOverrides) => {
    const before = overrideConfig(tiny("fine_tune"), { ...changes, batchSize: 8 });
    return configDifferences(before, overrideConfig(before, { processes: 2, batchSize: 4 }));
  };
  assert.deepEqual(differences({ imagesFrom: "files" }), []);
  assert.deepEqual(differences(TARS), ["processes (each reads its own part of the tars) 1 -> 2"]);
});

test("a run from tars knows its pack: packed anew in another order, its data are other ones", async (t) => {
  const config = overrideConfig(tiny("fine_tune"), { dataDir, ...TARS });
  const folder = temporaryFolder(t);
  writeNote(folder, madeOf(config)!);
  assert.deepEqual(dataDifferences(folder, config), []);
  const pack = packFolder(config);
  const others = join(folder, "packed");
  cpSync(pack, others, { recursive: true });
  try {
    rmSync(pack, { recursive: true });
    await packImages({ dataDir, imagesPerTar: 7, seed: 1 });
    assert.deepEqual(dataDifferences(folder, config), [
      "the tars were packed anew, in another order (guie pack)",
    ]);
  } finally {
    rmSync(pack, { recursive: true });
    cpSync(others, pack, { recursive: true });
  }
});

test("orders that jump between tars are refused", () => {
  const refused = (changes: ConfigOverrides) => () =>
    overrideConfig(tiny("fine_tune"), { imagesFrom: "tars", ...changes });
  assert.throws(refused({ sampler: "class_balanced" }), /imagesFrom = "tars": tars are read in sequence/);
  assert.throws(refused({ dataSetSampling: "equal" }), /set sampler to shuffle and dataSetSampling to rows/);
});
