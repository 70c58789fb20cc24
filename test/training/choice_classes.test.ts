// Classes for choosing settings: how they are drawn, that no run learns them, and which runs may start from which.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, test } from "node:test";
import { overrideConfig, type TrainConfig } from "guie/dist/config/config";
import { tiny } from "guie/dist/config/presets";
import { openFeatures } from "guie/dist/features/feature_files";
import { featureFolder } from "guie/dist/features/features";
import { readMetrics, runFolder } from "guie/dist/runs/run_folder";
import { prepareRunFolder } from "guie/dist/runs/start_folder";
import { holdOutClasses } from "guie/dist/training/data/choice_classes";
import { readFrozenData } from "guie/dist/training/data/frozen_data";
import type { RunData } from "guie/dist/training/data/run_data";
import { runTraining } from "guie/dist/training/run";
import { makeTinyData } from "./tiny_data";

const PREFIX = `test-choice-${process.pid}`;
const made: string[] = [];
let dataDir: string;

before(async () => {
  dataDir = await makeTinyData();
});
after(() => {
  rmSync(dataDir, { recursive: true, force: true });
  for (const name of made) rmSync(runFolder(name), { recursive: true, force: true });
});

const CLASSES = 10;
/**
 * Ten classes of seven images: the first is for validation, the second is in the table twice; class 4 has one image.
 */
const whole: RunData = (() => {
  const rows = Array.from({ length: CLASSES }, (_, label) =>
    (label === 4 ? [1, 1] : [1, 1, 2, 3, 4, 5, 6]).map((image) => ({ file: `${label}/${image}.jpg`, label })),
  ).flat();
  const validation = [...Array(CLASSES).keys()].filter((label) => label !== 4);
  return {
    train: { files: rows.map(({ file }) => file), labels: rows.map(({ label }) => label) },
    validation: { files: validation.map((label) => `${label}/0.jpg`), labels: validation },
    classCount: CLASSES,
    retrieval: { queries: { files: ["held/1.jpg"], labels: [0] }, index: { files: [], labels: [] } },
  };
})();

const classesOf = (files: Iterable<string>) => new Set([...files].map((file) => Number(file.split("/")[0])));

test("a share of the classes is held out: none of their images trains or validates, all are queries or index", () => {
  for (const seed of [1, 2, 3]) {
    const { train, validation, classCount, retrieval } = holdOutClasses(whole, { holdOutShare: 0.3, seed });
    const { queries, index } = retrieval!;
    const held = classesOf([...queries.files, ...index.files]);
    assert.deepEqual([held.size, classCount, held.has(4)], [3, 7, false]);
    const learned = [...Array(CLASSES).keys()].filter((label) => !held.has(label));
    for (const { files, labels } of [train, validation]) {
      const numbers = [...files].map((file) => learned.indexOf(Number(file.split("/")[0])));
      assert.deepEqual([...Array.from(labels)], numbers, "renumbered in order, without held-out ones");
    }
    assert.equal(train.files.length, 6 * 7 + 2, "copies stay");
    assert.deepEqual(
      [queries.files.length, index.files.length],
      [3 * 2, 3 * 5],
      "a third of seven are queries",
    );
    assert.equal(new Set([...queries.files, ...index.files]).size, 21);
    const byNumber = [...held].sort((a, b) => a - b);
    for (const { files, labels } of [queries, index])
      for (const [i, file] of files.entries()) assert.equal(byNumber[labels[i]!], Number(file.split("/")[0]));
  }
});

test("the seed decides; a share of 0 holds out none; a share that draws none or leaves one is refused", () => {
  const heldBy = (seed: number) =>
    [...classesOf(holdOutClasses(whole, { holdOutShare: 0.3, seed }).retrieval!.index.files)].join();
  assert.equal(heldBy(1), heldBy(1));
  assert.ok(new Set([1, 2, 3, 4, 5].map(heldBy)).size > 2);
  assert.equal(holdOutClasses(whole, { holdOutShare: 0, seed: 1 }), whole);
  assert.throws(
    () => holdOutClasses(whole, { holdOutShare: 0.01, seed: 1 }),
    /holds out 0 of 10 classes.*\n.*--set holdOutShare=0\.5/,
  );
  assert.throws(() => holdOutClasses(whole, { holdOutShare: 0.99, seed: 1 }), /leaves 1 to learn/);
});

function configOf(
  name: string,
  stage: TrainConfig["stage"],
  more: Partial<TrainConfig> = {},
): Readonly<TrainConfig> {
  const runName = `${PREFIX}-${name}`;
  made.push(runName);
  return overrideConfig(tiny(stage), {
    runName,
    dataDir,
    nEpochs: 1,
    maxStepsPerEpoch: 2,
    seed: 7,
    holdOutShare: 0.34,
    ...more,
  });
}

test("one held-out class of seven is refused, with a share that works; too few classes get other advice", () => {
  const named = (classCount: number): RunData => ({ ...whole, classCount, ...rowsOf(classCount) });
  assert.throws(() => holdOutClasses(named(7), { holdOutShare: 0.2, seed: 1 }), {
    name: "UserError",
    message:
      /holds out 1 of 7 classes.*with one class every score is 1\.[\s\S]*Hold out 3 classes: --set holdOutShare=0\.43/,
  });
  assert.throws(
    () => holdOutClasses(named(3), { holdOutShare: 0.3, seed: 1 }),
    /3 classes are too few to choose settings by: take the preset small/,
  );
});

/** Returns training rows with two images of each class. */
function rowsOf(classCount: number): Pick<RunData, "train" | "validation"> {
  const labels = Array.from({ length: 2 * classCount }, (_, i) => i % classCount);
  return {
    train: { files: labels.map((_, i) => `${i}.jpg`), labels },
    validation: { files: [], labels: [] },
  };
}

test("frozen features of the whole table serve any share, each row with its own features", async () => {
  const { holdOutShare } = configOf("features", "frozen");
  const all = await readFrozenData(configOf("features", "frozen", { holdOutShare: 0 }));
  const folder = featureFolder(configOf("features", "frozen"), "train");
  const { identity } = openFeatures(folder);
  const chosen = await readFrozenData(configOf("features", "frozen", { holdOutShare }));
  assert.equal(openFeatures(folder).identity, identity, "nothing was embedded again");
  assert.equal(chosen.data.classCount, 4);
  const rowOf = (data: typeof all, row: number) => {
    const { data: values, length } = data.features;
    return [...values.subarray(row * length, (row + 1) * length)];
  };
  const byFile = new Map([...all.data.train.files].map((file, i) => [file, rowOf(all, all.trainRows[i]!)]));
  for (const [i, file] of [...chosen.data.train.files].entries())
    assert.deepEqual(rowOf(chosen, chosen.trainRows[i]!), byFile.get(file));
  const { files } = chosen.data.retrieval!.index;
  const { data, length } = await chosen.featuresOf("index");
  for (const [i, file] of files.entries()) {
    const expected = byFile.get(file); // undefined for validation images
    if (expected) assert.deepEqual([...data.subarray(i * length, (i + 1) * length)], expected);
  }
  assert.equal(chosen.features.count, 4 * 6, "standardisation uses learned classes only");
});

test("both stages are scored on them; fine-tuning from a run that has learned them is refused", async () => {
  const train = (config: Readonly<TrainConfig>) => runTraining(prepareRunFolder(config));
  await train(configOf("all", "frozen", { holdOutShare: 0 }));
  await train(configOf("frozen", "frozen"));
  await train(configOf("tuned", "fine_tune", { initFrom: `${PREFIX}-frozen` }));
  for (const name of ["frozen", "tuned"]) {
    const retrieval = readMetrics(runFolder(`${PREFIX}-${name}`)).find(({ kind }) => kind === "retrieval");
    assert.equal(retrieval?.kind === "retrieval" && retrieval.queries, 2 * 2, "a third of six, two classes");
  }
  const refused = (more: Partial<TrainConfig>) =>
    assert.rejects(train(configOf(`refused-${made.length}`, "fine_tune", more)), /has learned classes/);
  await refused({ initFrom: `${PREFIX}-all` });
  await refused({ initFrom: `${PREFIX}-frozen`, seed: 8 });
});
