// Soups of checkpoints, and references to checkpoints.
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { TrainConfig } from "guie/dist/config/config";
import { loadEmbedder } from "guie/dist/embedding/find_model";
import { scoreModel } from "guie/dist/experiments/ladder";
import { makeSoup, type Soup } from "guie/dist/experiments/soup";
import { exportWeights } from "guie/dist/export/tower_file";
import { openSafetensors } from "guie/dist/formats/safetensors";
import { findCheckpoint } from "guie/dist/runs/checkpoint_ref";
import { readRunConfig, runFile, runFolder } from "guie/dist/runs/run_folder";
import { checkpointWeights } from "guie/dist/runs/store";
import { readRetrievalFiles, readRunData } from "guie/dist/training/data/read_run_data";
import { runTraining } from "guie/dist/training/run";
import { guie } from "../in_process";
import { largestDifference } from "../tensors";
import { TinyRuns } from "../training/tiny_runs";

const runs = new TinyRuns("soup", { maxStepsPerEpoch: 2, nEpochs: 2, cpktEpoch: 1, emaDecay: 0.5 });
/** Two runs from the same start with other learning rates, and one with another neck. */
const [A, B, OTHER] = ["a", "b", "other"].map((name) => runs.name(name)) as [string, string, string];

async function train(runName: string, overrides: Partial<TrainConfig> = {}): Promise<string> {
  const folder = runs.prepare(runName, overrides);
  await runTraining(folder);
  return folder;
}

before(async () => {
  await runs.start();
  await train(A, { initLr: 0.03 });
  await train(B, { initLr: 0.05 });
  await train(OTHER, { neck: "norm_single_linear", nEpochs: 1 });
});
after(() => runs.end());

function valuesOf(reference: string, name: string): Float32Array {
  const { path, kind } = findCheckpoint(reference);
  const source = checkpointWeights(path, kind);
  const values = new Float32Array(source.shapes.get(name)!.reduce((product, size) => product * size, 1));
  source.write(name, values);
  source.close();
  return values;
}

test("checkpoints are found by run, by name in the run or by file, and their averages by the ending", async () => {
  const folder = runFolder(A);
  assert.deepEqual(findCheckpoint(A), { folder, path: join(folder, "last.safetensors"), kind: "raw" });
  const file = join(folder, "epoch_1.safetensors");
  for (const reference of [`${A}/epoch_1:ema`, `${folder}/epoch_1:ema`, `${file}:ema`])
    assert.deepEqual(findCheckpoint(reference), { folder, path: file, kind: "ema" });
  assert.throws(
    () => findCheckpoint(`${A}/epoch_9`),
    /there is none\. The run has: best, last, epoch_1, epoch_2/,
  );
  assert.throws(() => findCheckpoint("nowhere"), /there is no such run\. There are: /);
  assert.throws(() => loadEmbedder(`${A}:swa`), /holds no SWA of the weights/);
  const file1 = openSafetensors(file);
  assert.ok(
    largestDifference(valuesOf(`${A}/epoch_1:ema`, "neck.weight"), file1.read("ema.neck.weight")) === 0,
  );
  file1.close();
});

test("a soup is the mean of its members' weights, and a run to evaluate, export and start from", async () => {
  const out = runs.name("mean");
  const { status, stdout, stderr } = await guie(
    "soup",
    A,
    `${B}/epoch_1`,
    `${B}:ema`,
    "--out",
    out,
    "--json",
  );
  assert.equal(status, 0, stderr);
  const summary = JSON.parse(stdout);
  assert.equal(summary.folder, runFolder(out));
  assert.deepEqual(
    summary.ingredients.map((one: { taken: boolean }) => one.taken),
    [true, true, true],
  );
  for (const name of ["visual.conv1.weight", "neck.weight", "head.weight"]) {
    const members = [A, `${B}/epoch_1`, `${B}:ema`].map((reference) => valuesOf(reference, name));
    const expected = members[0]!.map((value, i) => (value + members[1]![i]! + members[2]![i]!) / 3);
    assert.ok(largestDifference(valuesOf(out, name), expected) < 1e-7, name);
    assert.ok(largestDifference(valuesOf(out, name), members[0]!) > 0, name);
  }
  const soup = openSafetensors(runFile(runFolder(out), "last"));
  soup.close();
  assert.ok([...soup.tensors.keys()].every((name) => !/^(optimizer|ema|swa)\./.test(name)));

  const files = (await readRetrievalFiles(runs.dataDir))!;
  assert.ok((await scoreModel(readRunConfig(runFolder(A)), out, files)).mp5 >= 0);
  const tower = join(runFolder(out), "tower.safetensors");
  await exportWeights({ run: out }, "open_clip", tower);
  assert.ok(existsSync(tower));
  assert.match((await guie("runs")).stdout, new RegExp(`${out} .*fine_tune +finished`));
  const started = await train(runs.name("started"), {
    initFrom: out,
    nEpochs: 1,
    initLr: 1e-30,
    weightDecay: 0,
  });
  const first = openSafetensors(runFile(started, "last"));
  for (const name of ["visual.conv1.weight", "neck.weight", "head.weight"])
    assert.ok(largestDifference(first.read(name), valuesOf(out, name)) < 1e-6, `starts from ${name}`);
  first.close();
});

test("the greedy soup keeps members that do not make it worse", async () => {
  const out = runs.name("greedy");
  const { ingredients, mp5, chosenOn, on } = await makeSoup([A, B, `${A}/epoch_1`], out, { greedy: true });
  const scores = ingredients.map((one) => one.mp5!);
  const files = (await readRetrievalFiles(runs.dataDir))!;
  assert.equal(scores[1], (await scoreModel(readRunConfig(runFolder(A)), B, files)).mp5);
  assert.ok(mp5! >= Math.max(...scores), `${mp5} against ${scores}`);
  assert.equal((await scoreModel(readRunConfig(runFolder(A)), out, files)).mp5, mp5);
  assert.ok(ingredients[scores.indexOf(Math.max(...scores))]!.taken);
  assert.equal(chosenOn, "held-out-classes");
  const file = JSON.parse(readFileSync(join(runFolder(out), "soup.json"), "utf8"));
  assert.deepEqual(file, { ingredients, mp5, chosenOn, on });
  assert.deepEqual([on!.queries, on!.classes, on!.classesOf], [6, 6, "retrieval"]);
  assert.equal(existsSync(join(runFolder(out), "candidate")), false);
  const said = (await guie("soup", A, B, "--out", out, "--overwrite", "--greedy")).stdout;
  assert.match(said, /mP@5 [.\d]+ on the classes of retrieval\/, which also chose it: too good to report/);
});

test("a greedy soup of runs that hold out training classes is chosen on these; all must hold out the same", async () => {
  const shape = { holdOutShare: 0.34, nEpochs: 1 };
  const names = ["held_a", "held_b", "held_seed"].map((name) => runs.name(name));
  const [a, b, otherSeed] = names as [string, string, string];
  await train(a, { ...shape, initLr: 0.03 });
  await train(b, { ...shape, initLr: 0.05 });
  await train(otherSeed, { ...shape, seed: 5 });
  const out = runs.name("held_soup");
  const { status, stdout, stderr } = await guie("soup", a, b, "--out", out, "--greedy");
  assert.equal(status, 0, stderr);
  assert.match(stdout, /mP@5 [.\d]+ on the training classes that the runs held out/);
  const soup = JSON.parse(readFileSync(join(runFolder(out), "soup.json"), "utf8")) as Soup;
  assert.equal(soup.chosenOn, "training-classes");
  const config = readRunConfig(runFolder(a));
  const choice = (await readRunData(config)).retrieval!;
  const { train: learned, validation } = await readRunData(readRunConfig(runFolder(A)));
  const known = new Set([...learned.files, ...validation.files]);
  assert.ok([...choice.queries.files, ...choice.index.files].every((file) => known.has(file)));
  for (const { checkpoint, mp5 } of [...soup.ingredients, { checkpoint: out, mp5: soup.mp5 }])
    assert.equal(mp5, (await scoreModel(config, checkpoint, choice)).mp5, checkpoint);
  const refused = (other: string, message: RegExp) =>
    assert.rejects(makeSoup([a, other], runs.name("refused")), message);
  await refused(A, /learned classes that the other holds out \(holdOutShare 0\.34, not 0\)/);
  await refused(otherSeed, /holds out \(seed 999, not 5\)/);
});

test("checkpoints that cannot be averaged are refused, and nothing is overwritten", async () => {
  await assert.rejects(makeSoup([A], "x"), /needs at least two checkpoints/);
  await assert.rejects(makeSoup([A, OTHER], runs.name("x")), /differ in neck simple and norm_single_linear/);
  await assert.rejects(makeSoup([A, B], OTHER), /is there already[\s\S]*--overwrite/);
  const csv = "fewer.csv";
  const table = readFileSync(join(runs.dataDir, "final_data_224_sample_balance_fold.csv"), "utf8").split(
    "\n",
  );
  writeFileSync(join(runs.dataDir, csv), table.filter((line) => !line.includes("/5_")).join("\n"));
  const fewer = runs.name("fewer");
  await train(fewer, { csv, nEpochs: 1 });
  await assert.rejects(makeSoup([A, fewer], runs.name("y")), /head\.weight \[6,8\] and \[5,8\]/);
  assert.equal(existsSync(runFolder(runs.name("y"))), false);
});
