// Runs that distinguish data sets: from tables and folders of features, in several processes, killed and resumed.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pickRows } from "guie/dist/common/vectors";
import type { TrainConfig } from "guie/dist/config/config";
import { classify } from "guie/dist/embedding/embed_images";
import { tf } from "guie/dist/engine/native/tf";
import { openFeatures } from "guie/dist/features/feature_files";
import { writeFeatures } from "guie/dist/features/feature_writer";
import { readImageList } from "guie/dist/features/image_list";
import { cosinesOf } from "guie/dist/model/embedding_model";
import { DATA_SET_NAME } from "guie/dist/model/weight_names";
import { prepareRunFolder } from "guie/dist/runs/start_folder";
import { buildTraining } from "guie/dist/training/build";
import { imageBatches } from "guie/dist/training/data/batches";
import { holdOutClasses } from "guie/dist/training/data/choice_classes";
import { readFrozenData } from "guie/dist/training/data/frozen_data";
import { readWholeData } from "guie/dist/training/data/read_run_data";
import { superviseRun } from "guie/dist/training/processes/supervisor";
import { runTraining } from "guie/dist/training/run";
import { temporaryFolder } from "../folders";
import { assertSameLosses, lossesOf, removeRuns, runConfig } from "./rank_runs";
import { makeTinyData } from "./tiny_data";

const TABLE = "final_data_224_sample_balance_fold.csv";
const DATA_SETS = ["a", "a", "a", "a", "b", "b"];
let dataDir: string;

before(async () => {
  dataDir = await makeTinyData((label) => DATA_SETS[label]!);
});
after(() => {
  rmSync(dataDir, { recursive: true, force: true });
  removeRuns();
});

const configOf = (name: string, processes: number, overrides: Partial<TrainConfig>) =>
  runConfig(`data-sets-${name}-${processes}`, dataDir, processes, { nEpochs: 4, ...overrides });

test("the training table and its held-out classes know the data set of each class", async () => {
  const data = await readWholeData({ dataDir, csv: TABLE, fold: 1 });
  assert.deepEqual(data.train.dataSets, DATA_SETS);
  const held = holdOutClasses(data, { holdOutShare: 0.34, seed: 1 });
  assert.equal(held.classCount, 4);
  const labelOf = (file: string) => Number(/(\d)_\d\.jpg$/.exec(file)![1]);
  for (const [row, label] of Array.from(held.train.labels).entries())
    assert.equal(held.train.dataSets![label], DATA_SETS[labelOf(held.train.files.at(row)!)]);
});

test("a folder of features of a merged table keeps the data sets; a run on it draws them equally", async (t) => {
  const folder = join(temporaryFolder(t), "features");
  const { rows } = await readImageList(join(dataDir, TABLE), dataDir);
  const count = rows.files.length;
  const plan = { rows, madeBy: { tower: "tiny" }, replace: true };
  await writeFeatures(folder, plan, { data: new Float32Array(count * 4).fill(1), count, length: 4 });
  assert.deepEqual(
    [...(await openFeatures(folder).readRows()).columns!.get("dataset")!],
    [...rows.columns!.get("dataset")!],
  );
  const config = configOf("features", 1, {
    stage: "frozen",
    features: folder,
    dataSetSampling: "equal",
    backboneLrFactor: 0.1,
  });
  const { data } = await readFrozenData(config);
  assert.deepEqual(data.train.dataSets, DATA_SETS);
  const run = prepareRunFolder(config);
  await runTraining(run);
  assert.equal(lossesOf(run).length, 8);
});

test("a row that an epoch repeats is augmented anew", async () => {
  const { train } = await readWholeData({ dataDir, csv: TABLE, fold: 1 });
  const config = configOf("repeats", 1, {
    dataSetSampling: "round_robin",
    maxStepsPerEpoch: 0,
    batchSize: 15,
  });
  const batches = imageBatches(config, train, { mean: [0.5, 0.5, 0.5], std: [1, 1, 1] });
  assert.equal(batches.stepsPerEpoch, 2, "30 rows, as without");
  const both = await Promise.all([1, 2].map((stepInEpoch) => batches.batchAt({ epoch: 1, stepInEpoch })));
  const small = both.find(({ labels }) => labels[0]! >= 4)!;
  assert.equal(small.files.length, 15, "ten images of the data set b, five of them twice");
  const size = 28 * 28 * 3;
  const pixels = (i: number) => small.inputs.subarray(i * size, (i + 1) * size);
  const repeated = [...new Set(small.files)].find(
    (file) => small.files.filter((name) => name === file).length > 1,
  )!;
  const places = small.files.flatMap((file, i) => (file === repeated ? [i] : []));
  assert.notDeepEqual(pixels(places[0]!), pixels(places[1]!));
});

const CASES: [string, Partial<TrainConfig>][] = [
  ["with a head for each data set", { heads: "by_data_set", head: "Sub_Arc_face", loss: "CosFace" }],
  ["with a sharded head for each data set", { heads: "by_data_set", shardHead: true, dropout: 0.2 }],
  ["by square root", { dataSetSampling: "square_root", dropout: 0.2 }],
  [
    "in turn, several of a class",
    { dataSetSampling: "round_robin", sampler: "m_per_class", samplesPerClass: 3, accumulationSteps: 2 },
  ],
];

for (const [name, overrides] of CASES) {
  test(`two processes give the losses of one, ${name}`, async () => {
    const losses = [];
    for (const processes of [1, 2]) {
      const folder = prepareRunFolder(configOf(name, processes, overrides));
      await (processes === 1 ? runTraining(folder) : superviseRun(folder));
      losses.push(lossesOf(folder));
    }
    assert.equal(losses[0]!.length, 8);
    assertSameLosses(losses[1]!, losses[0]!);
  });
}

test("a stopped run goes on with the losses of a whole one, to the bit", async () => {
  const settings: Partial<TrainConfig> = {
    ...{ dataSetSampling: "equal", sampler: "class_balanced", heads: "by_data_set", cpktSteps: 1 },
  };
  const whole = prepareRunFolder(configOf("whole", 1, settings));
  await runTraining(whole);
  const stopped = prepareRunFolder(configOf("stopped", 1, settings));
  const controller = new AbortController();
  await runTraining(stopped, {
    signal: controller.signal,
    onProgress: ({ unit, done }) => {
      if (unit === "steps" && done === 3) controller.abort();
    },
  });
  assert.ok(lossesOf(stopped).length < 8);
  await runTraining(stopped);
  assert.deepEqual(lossesOf(stopped), lossesOf(whole));
});

test("one data set only: refused before anything is computed", async () => {
  const one = await makeTinyData();
  for (const [name, settings] of Object.entries({
    "dataSetSampling = equal": { dataSetSampling: "equal" },
    "heads = by_data_set": { heads: "by_data_set" },
  } as Record<string, Partial<TrainConfig>>)) {
    const folder = prepareRunFolder(runConfig(name, one, 1, settings));
    const message = new RegExp(`${name} needs several data sets: all classes of .* are of one \\(tiny\\)`);
    await assert.rejects(runTraining(folder), message);
  }
  rmSync(one, { recursive: true });
});

test("a run with a head for each data set starts from one with a joint head, and validates within data sets", async () => {
  const joint = configOf("joint", 1, { nEpochs: 1 });
  await runTraining(prepareRunFolder(joint));
  const config = configOf("apart", 1, { heads: "by_data_set", initFrom: joint.runName, nEpochs: 1 });
  const setup = await buildTraining(config);
  const weights = await setup.trainer.headWeights();
  assert.deepEqual([...weights[DATA_SET_NAME]!.dataSync()], [0, 0, 0, 0, 1, 1]);
  const { labels, files } = setup.data.validation;
  // An image of the data set b, which has the classes 4 and 5
  const row = files.findIndex((file) => file.includes("/4_"));
  const features = pickRows(await setup.featuresOf("validation"), [row]);
  const { loss } = await classify(weights, features, [labels[row]!], config);
  const x = tf.tensor2d(features.data, [1, features.length]);
  const cosines = cosinesOf(weights, x, config).dataSync();
  const expected = Math.log(1 + Math.exp(config.s * (cosines[5]! - cosines[4]!)));
  assert.ok(Math.abs(loss - expected) < 1e-4, `${loss}, not ${expected}`);
  setup.trainer.dispose();
});
