// The option `signal` of long-running functions: aborting it stops them like an interrupt, and they go on later.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as guie from "guie";
import { findDataSet } from "guie/dist/datasets/catalogue";
import { planSweep, runSweep } from "guie/dist/experiments/sweep";
import { runFolder } from "guie/dist/runs/run_folder";
import { runTraining } from "guie/dist/training/run";
import { writeFiles } from "../datasets/miniature";
import { temporaryFolder } from "../folders";
import { TinyRuns } from "./tiny_runs";

const runs = new TinyRuns("signal", { maxStepsPerEpoch: 4, nEpochs: 1 });
before(() => runs.start());
after(() => runs.end());

test("an already aborted signal stops each function before it begins", async (t) => {
  const signal = AbortSignal.abort("too late");
  const dataDir = temporaryFolder(t);
  const config = runs.config("none", {}, "frozen");
  const dataset = findDataSet("Food2021");
  writeFiles(join(dataDir, "raw", dataset.folder), ["a/1.jpg"]);
  const backbone = await guie.loadBackbone(config);
  t.after(() => backbone.dispose());
  const calls: Record<string, () => Promise<unknown>> = {
    getData: () => guie.getData(dataDir, dataset.name, { signal }),
    preprocessDataSets: () => guie.preprocessDataSets([dataset], { dataDir, signal }),
    mergeTables: () => guie.mergeTables({ dataDir, datasets: [dataset], signal }),
    findDuplicates: () => guie.findDuplicates({ dataDir: runs.dataDir, signal }),
    drawDemo: () => guie.drawDemo({ dataDir, seed: 1, signal }),
    prepareModel: () => guie.prepareModel({ model: "tiny", out: dataDir, signal }),
    ensureFeatures: () => guie.ensureFeatures(config, "train", [], { signal }),
    trainFeatures: () => guie.trainFeatures(config, { signal }),
    computeFeatures: () => guie.computeFeatures(config, backbone, [], "none", { signal }),
    climbLadder: () => guie.climbLadder(config, {}, { signal }),
    sweep: () => guie.sweep(config, { initLr: [0.1] }, { name: runs.name("sweep"), signal }),
    startRun: async () => guie.startRun(config, { signal }),
  };
  for (const [name, call] of Object.entries(calls))
    await assert.rejects(call(), { name: "Interrupted", cause: "too late" }, name);
  assert.equal(existsSync(join(runFolder(config.runName), "config.json")), false);
});

test("aborted training saves its step, and goes on from there", async () => {
  const folder = runs.prepare("stopped", {}, "frozen");
  const abort = new AbortController();
  const { reason, steps } = await runTraining(folder, {
    signal: abort.signal,
    onProgress: ({ unit, done }) => {
      if (unit === "steps" && done === 2) abort.abort();
    },
  });
  assert.deepEqual([reason, steps], ["stopped", 2]);
  assert.deepEqual((await runTraining(folder, { signal: new AbortController().signal })).reason, "finished");
});

test("an aborted sweep leaves the other runs waiting", async () => {
  const abort = new AbortController();
  const config = runs.config("swept", {}, "frozen");
  const planned = planSweep(config, { initLr: [0.1, 0.2] }, config.runName);
  const onProgress = () => abort.abort();
  await assert.rejects(runSweep(planned, { signal: abort.signal, onProgress }), { name: "Interrupted" });
  assert.deepEqual(
    planned.map(({ state }) => state),
    ["waiting", "waiting"],
  );
});
