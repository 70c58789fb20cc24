// Runs with an absurd learning rate stop with an error that explains it, and their last checkpoint stays good.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { openSafetensors } from "guie/dist/formats/safetensors";
import { readMetrics, runFile } from "guie/dist/runs/run_folder";
import { prepareRunFolder } from "guie/dist/runs/start_folder";
import { buildTraining } from "guie/dist/training/build";
import { runTraining } from "guie/dist/training/run";
import { saveLast } from "guie/dist/training/save_run";
import { TinyRuns } from "./tiny_runs";

const runs = new TinyRuns("spoilt", { maxStepsPerEpoch: 3, nEpochs: 2 });
before(() => runs.start());
after(() => runs.end());

function assertFinite(path: string): void {
  const file = openSafetensors(path);
  for (const name of file.tensors.keys()) assert.ok(file.read(name).every(Number.isFinite), name);
  file.close();
}

/** Matches step, both learning rates, and eight files. */
const STORY =
  /step \d+ \(learning rate of neck and head [\de.+-]+, of the backbone [\de.+-]+, margin [\d.]+; images: (final_data_224\S+\.jpg(, )?){8}\)/;

test("an absurd learning rate stops the run; it ends as failed, and all checkpoints are finite", async () => {
  const folder = runs.prepare("absurd", { initLr: 1e38, cpktSteps: 1 });
  await assert.rejects(runTraining(folder), (error: Error) => STORY.test(error.message));
  const end = readMetrics(folder).at(-1);
  assert.ok(end?.kind === "end" && end.reason === "failed" && STORY.test(end.message!));
  assertFinite(runFile(folder, "last"));
});

test("weights that a step has made infinite are not saved, although its loss was finite: the checkpoint stays", async () => {
  const config = runs.config("late", { cpktSteps: 1 });
  const folder = prepareRunFolder(config);
  const setup = await buildTraining(config);
  const { trainer } = setup;
  const run = { folder, config, setup, record: () => {}, writes: true, log: () => {} };
  await trainer.step();
  await saveLast(run);
  const good = readFileSync(runFile(folder, "last"));
  trainer.setLearningRate(Number.MAX_VALUE);
  const metric = await trainer.step();
  assert.ok(Number.isFinite(metric!.loss), "the loss is from before the step's update");
  await assert.rejects(
    saveLast(run),
    (error: Error) => /no finite numbers after step 2/.test(error.message) && STORY.test(error.message),
  );
  assert.ok(readFileSync(runFile(folder, "last")).equals(good));
  await assert.rejects(trainer.step(), /The loss is NaN at step 3 /);
  trainer.dispose();
  assert.equal((await runTraining(folder)).reason, "finished", "it goes on from the good checkpoint");
});
