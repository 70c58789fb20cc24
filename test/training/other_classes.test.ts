// A run after a change of its table's classes is refused with advice, or goes on with a fresh head.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { requestInterrupt } from "guie/dist/common/interrupt";
import { installPath } from "guie/dist/common/project";
import { openSafetensors } from "guie/dist/formats/safetensors";
import { readMetrics, runFile } from "guie/dist/runs/run_folder";
import { runTraining } from "guie/dist/training/run";
import { largestDifference } from "../tensors";
import { TinyRuns } from "./tiny_runs";

const runs = new TinyRuns("classes", { maxStepsPerEpoch: 3, nEpochs: 2, emaDecay: 0.5 });
before(() => runs.start());
after(() => runs.end());

/** Writes the table with all six classes, or the first five. */
function useClasses(count: number): void {
  const path = join(runs.dataDir, "final_data_224_sample_balance_fold.csv");
  const all = join(runs.dataDir, "all.csv");
  if (count === 5) writeFileSync(all, readFileSync(path));
  const lines = readFileSync(all, "utf8").split("\n");
  writeFileSync(path, lines.filter((line) => count === 6 || !line.includes("/5_")).join("\n"));
}

function read(folder: string, name: string): Float32Array {
  const file = openSafetensors(runFile(folder, "last"));
  const values = file.read(name);
  file.close();
  return values;
}

test("--resume: other classes are refused; --reinit-head goes on with all but the head", async () => {
  const folder = runs.prepare("resumed", { initLr: 1e-30, weightDecay: 0 });
  await runTraining(folder, {
    onProgress: ({ done, unit }) => {
      if (unit === "steps" && done === 4) requestInterrupt();
    },
  });
  const neck = read(folder, "neck.weight");
  useClasses(5);
  await assert.rejects(
    runTraining(folder),
    /made of other data: the training table has changed: 36 rows, now 30\.[\s\S]*--reinit-head/,
  );
  const note = join(folder, "made_of.json");
  renameSync(note, `${note}.away`); // as a run older than notes
  await assert.rejects(
    runTraining(folder),
    /knows 6 classes, the training table has 5\.[\s\S]*--reinit-head/,
  );
  renameSync(`${note}.away`, note);
  assert.equal(read(folder, "head.weight").length, 6 * 8, "the checkpoint is unchanged");
  const guie = installPath("lib/bin/guie.js");
  const args = ["train", "--resume", folder, "--reinit-head", "--json"];
  const { status, stdout, stderr } = spawnSync(process.execPath, [guie, ...args], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  assert.equal(JSON.parse(stdout).steps, 6);
  assert.deepEqual(
    readMetrics(folder)
      .filter(({ kind }) => kind === "step")
      .map((metric) => metric.kind === "step" && metric.step),
    [1, 2, 3, 4, 5, 6],
  );
  assert.equal(read(folder, "head.weight").length, 5 * 8);
  assert.ok(largestDifference(read(folder, "neck.weight"), neck) < 1e-6, "the neck went on");
  assert.ok(largestDifference(read(folder, "ema.head.weight"), read(folder, "head.weight")) < 1e-6);
  assert.match(
    readFileSync(runFile(folder, "log"), "utf8"),
    /Resumed after step [45] of 6, with a fresh head/,
  );
  await assert.rejects(runTraining(folder, { reinitHead: true }), /has finished/);
  useClasses(6);
});

test("--init-from: other classes are refused; reinitHead takes neck and backbone, and a fresh head", async () => {
  const first = runs.prepare("first");
  await runTraining(first);
  useClasses(5);
  const still = { initFrom: runs.name("first"), nEpochs: 1, initLr: 1e-30, weightDecay: 0 };
  await assert.rejects(
    runTraining(runs.prepare("refused", still)),
    /knows 6 classes, the training table has 5/,
  );
  const folder = runs.prepare("fresh", { ...still, reinitHead: true });
  await runTraining(folder);
  for (const name of ["neck.weight", "visual.conv1.weight"])
    assert.ok(largestDifference(read(folder, name), read(first, name)) < 1e-6, name);
  assert.equal(read(folder, "head.weight").length, 5 * 8);
  useClasses(6);
});
