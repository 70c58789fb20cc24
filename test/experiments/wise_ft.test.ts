// The line between a pretrained tower and a fine-tuned run's: its weights, its scores, one of them as a run.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, test } from "node:test";
import { projectPath } from "guie/dist/common/project";
import { compareOnHeldOut } from "guie/dist/experiments/compare";
import { takeWise, wiseLine } from "guie/dist/experiments/wise_ft";
import { openSafetensors } from "guie/dist/formats/safetensors";
import { towerWeights } from "guie/dist/model/backbone";
import { findTower } from "guie/dist/model/towers";
import { toTensors } from "guie/dist/model/weight_source";
import { wiseFigure } from "guie/dist/notebook/views/wise_figure";
import { readRunConfig, runFile, runFolder } from "guie/dist/runs/run_folder";
import { runTraining } from "guie/dist/training/run";
import { guie } from "../in_process";
import { largestDifference } from "../tensors";
import { makeTinyData } from "../training/tiny_data";
import { TinyRuns } from "../training/tiny_runs";

const runs = new TinyRuns("wise", { maxStepsPerEpoch: 4, nEpochs: 1, initLr: 0.05, backboneLrFactor: 1 });
const [RUN, FROZEN] = ["fine", "frozen"].map((name) => runs.name(name)) as [string, string];
let otherData = "";

before(async () => {
  await runs.start();
  otherData = await makeTinyData();
  await runTraining(runs.prepare(RUN));
  await runTraining(runs.prepare(FROZEN, {}, "frozen"));
});
after(() => {
  runs.end();
  rmSync(otherData, { recursive: true, force: true });
});

/** Reads some weights of a run's last checkpoint. */
function weightsOf(run: string, names: readonly string[]): Float32Array[] {
  const file = openSafetensors(runFile(runFolder(run), "last"));
  const values = names.map((name) => Float32Array.from(file.read(name) as Float32Array));
  file.close();
  return values;
}

test("a model of the line has the mean of both towers, and the run's neck and head", async () => {
  const out = runs.name("taken");
  assert.equal(await takeWise(RUN, 0.25, out), runFolder(out));
  const config = readRunConfig(runFolder(RUN));
  const pretrained = toTensors(towerWeights(config, findTower(config.tower)));
  const names = ["conv1.weight", "positional_embedding", "ln_post.bias"];
  const visual = names.map((name) => `visual.${name}`);
  for (const [i, taken] of weightsOf(out, visual).entries()) {
    const start = pretrained[names[i]!]!.dataSync() as Float32Array;
    const own = weightsOf(RUN, visual)[i]!;
    assert.ok(largestDifference(start, own) > 1e-3, `training has moved ${names[i]}`);
    const expected = own.map((value, k) => 0.25 * value + 0.75 * start[k]!);
    assert.ok(largestDifference(taken, expected) < 1e-6, names[i]);
  }
  const others = ["neck.weight", "neck.bias", "head.weight"];
  assert.deepEqual(weightsOf(out, others), weightsOf(RUN, others));
  await assert.rejects(takeWise(RUN, 0.5, out), /is there already/);
});

test("alpha 1 scores as the run does; differences are from the untrained backbone, per data directory", async () => {
  const line = await wiseLine(RUN, { alphas: [0, 1], dataDirs: [otherData] });
  assert.deepEqual(
    line.scores.map(({ dataDir, classes }) => [dataDir, classes]),
    [
      [runs.dataDir, "held-out-classes"],
      [otherData, undefined],
    ],
  );
  for (const { dataDir, rows } of line.scores) {
    assert.deepEqual(
      rows.map(({ model, against }) => [model, against]),
      [
        ["backbone", undefined],
        ["alpha 0", "backbone"],
        ["alpha 1", "backbone"],
      ],
    );
    const config = { ...readRunConfig(runFolder(RUN)), dataDir, standardise: false };
    const [backbone, run] = await compareOnHeldOut(config, ["backbone", RUN]);
    assert.deepEqual(rows[0]!.scores, backbone!.scores);
    assert.deepEqual(rows[2]!.scores, run!.scores);
  }
  const { data } = wiseFigure(line);
  assert.deepEqual(
    data.map(({ y }) => y),
    line.scores.flatMap(({ rows }) => {
      const [backbone, ...points] = rows.map(({ scores }) => scores.mp5.mean);
      return [points, [backbone, backbone]];
    }),
  );
});

test("guie soup backbone RUN prints a table per data directory and takes one model", async () => {
  const out = runs.name("by_command");
  const { status, stdout, stderr } = await guie(
    ...["soup", "backbone", RUN, "--alpha", "0,0.5", "--data-dir", otherData, "--take", "0.5", "--out", out],
  );
  assert.equal(status, 0, stderr);
  assert.match(stdout, /\(the run's own data: classes of retrieval\/\)/);
  assert.equal(stdout.match(/^backbone +/gm)?.length, 2, "the reference of each directory");
  assert.equal(stdout.match(/^alpha 0\.5 +/gm)?.length, 2);
  assert.ok(stdout.trimEnd().endsWith(runFolder(out)));
  const listed = await guie("runs");
  assert.match(listed.stdout, new RegExp(`${out} .*fine_tune +finished`));
});

test("what is no line is refused in words, and no folder is left", async () => {
  await assert.rejects(wiseLine(FROZEN), /has trained neck and head only/);
  await assert.rejects(wiseLine(RUN, { alphas: [1.5] }), /alpha is a number from 0 to 1, got 1.5/);
  await assert.rejects(wiseLine(RUN, { dataDirs: [projectPath("nowhere")] }), /retrieval\/queries\.csv/);
  for (const [flags, message] of [
    [[RUN, "backbone", "--alpha", "0"], /Expected the backbone and one fine-tuned run/],
    [["backbone", RUN], /Expected --alpha or --take/],
    [["backbone", RUN, "--take", "0.5"], /--take and --out belong together/],
    [["backbone", RUN, "--alpha", "x"], /--alpha takes a number/],
    [[RUN, RUN], /--out is missing/],
  ] as const) {
    const { status, stderr } = await guie("soup", ...flags);
    assert.equal(status, 1);
    assert.match(stderr, message);
  }
});
