// A run of an earlier version, with old names in its config.json, opens, counts as the same run, and goes on.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { overrideConfig } from "guie/dist/config/config";
import { readMetrics, readRunConfig, runFile } from "guie/dist/runs/run_folder";
import { configDifferences, prepareRunFolder } from "guie/dist/runs/start_folder";
import { beginRun } from "guie/dist/training/begin_run";
import { runTraining } from "guie/dist/training/run";
import { TinyRuns } from "../training/tiny_runs";

/** Runs of two epochs of two steps, with the original's schedule. */
const runs = new TinyRuns("old-names", { maxStepsPerEpoch: 2, nEpochs: 2, lrSchedule: "original" });

before(() => runs.start());
after(() => runs.end());

/** Puts the old names into a run's config.json. */
function age(folder: string): void {
  const path = runFile(folder, "config");
  const text = readFileSync(path, "utf8")
    .replace('"processes": 1', '"workers": 1')
    .replace('"lrSchedule": "original"', '"lrSchedule": "seed"');
  assert.match(text, /"workers": 1,[\s\S]*"lrSchedule": "seed"/);
  assert.doesNotMatch(text, /"processes"|"lrSchedule": "original"/);
  writeFileSync(path, text);
}

const lossesOf = (folder: string) =>
  readMetrics(folder).flatMap((metric) => (metric.kind === "step" ? [metric.loss] : []));

test("an old config.json is read without a message, and equals the same config of now", (t) => {
  const write = t.mock.method(process.stderr, "write", () => true);
  const config = runs.config("read");
  const folder = prepareRunFolder(config);
  age(folder);
  assert.deepEqual(readRunConfig(folder), config);
  assert.deepEqual(configDifferences(readRunConfig(folder), config), []);
  assert.equal(write.mock.callCount(), 0);
  const other = overrideConfig(config, { lrSchedule: "cosine" });
  assert.deepEqual(configDifferences(readRunConfig(folder), other), ["lrSchedule original -> cosine"]);
});

test("an old run goes on from its last checkpoint; started again, it is the same run", async () => {
  const whole = runs.prepare("whole");
  await runTraining(whole);
  const config = runs.config("half");
  const folder = prepareRunFolder(config);
  let steps = 0;
  const stopped = runTraining(folder, {
    onProgress: ({ stage, done }) => {
      if (stage === "fine_tune" && done === 3 && steps++ === 0) throw new Error("killed");
    },
  });
  await assert.rejects(stopped, /killed/);
  age(folder);
  const { folder: again, claim } = beginRun(config, {});
  claim.release();
  assert.equal(again, folder);
  age(folder); // the start has written the present names
  assert.equal((await runTraining(folder)).reason, "finished");
  assert.deepEqual(lossesOf(folder), lossesOf(whole));
  const before = readFileSync(runFile(folder, "metrics"), "utf8");
  age(folder);
  prepareRunFolder(config);
  await runTraining(folder);
  assert.equal(readFileSync(runFile(folder, "metrics"), "utf8"), before);
});
