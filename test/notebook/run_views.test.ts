// Views of runs: curves, comparison.
import assert from "node:assert/strict";
import { mkdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type TestContext, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { projectPath } from "guie/dist/common/project";
import { type ConfigOverrides, overrideConfig } from "guie/dist/config/config";
import { tiny } from "guie/dist/config/presets";
import { figureSvg } from "guie/dist/notebook/output/figure";
import { compareRuns } from "guie/dist/notebook/views/compare_runs";
import { attachRun } from "guie/dist/notebook/views/run_handle";
import { runFigure } from "guie/dist/notebook/views/run_views";
import { show } from "guie/dist/notebook/views/show";
import { watchRun } from "guie/dist/notebook/views/watch";
import { viewRun } from "guie/dist/runs/follow";
import type { Metric } from "guie/dist/runs/metrics";
import { temporaryFolder } from "../folders";

/** Returns the metrics of a run of `epochs` epochs, as lines. */
function metricLines({
  epochs,
  stepsPerEpoch,
  secondsPerStep = 1,
  mp5 = 0.5,
}: Record<string, number>): string {
  const totalSteps = epochs! * stepsPerEpoch!;
  const lines: Metric[] = [];
  for (let step = 1; step <= totalSteps; step++) {
    const epoch = Math.ceil(step / stepsPerEpoch!);
    lines.push({
      kind: "step",
      stage: "frozen",
      epoch,
      step,
      totalSteps,
      loss: 20 / step,
      learningRate: 1e-3,
      backboneLearningRate: 0,
      margin: 0.3,
      imagesPerSecond: 15.25,
      dataSeconds: 0.01,
      memoryMB: 900,
      elapsedSeconds: step * secondsPerStep,
    });
    if (step % stepsPerEpoch! > 0) continue;
    lines.push({ kind: "validation", epoch, step, loss: 1, top1: 0.3, top5: 0.5, images: 100 });
    lines.push({ kind: "retrieval", epoch, step, mp5: (mp5 * epoch) / epochs!, r1: 0.6, queries: 50 });
  }
  lines.push({ kind: "end", reason: "finished", elapsedSeconds: totalSteps * secondsPerStep });
  return lines.map((line) => `${JSON.stringify(line)}\n`).join("");
}

function heapBytesAfterCollection(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  return process.memoryUsage().heapUsed;
}

test("a run of ten hours stays small in memory, on the page and on the screen", async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, "config.json"), "{}");
  const hours = 10;
  const lines = metricLines({ epochs: 60, stepsPerEpoch: 3000, secondsPerStep: (hours * 3600) / 180_000 });
  assert.ok(lines.length > 40e6, "tens of megabytes of metrics");
  writeFileSync(join(folder, "metrics.jsonl"), lines);
  const before = heapBytesAfterCollection();
  const view = viewRun(folder);
  const heldBytes = heapBytesAfterCollection() - before;
  assert.ok(heldBytes < 3e6, `${heldBytes} bytes are held`);
  assert.deepEqual([view.stepsPerPoint, view.steps.at(-1)!.step], [256, 180_000]);
  const figure = runFigure(view);
  for (const { x } of figure.data) assert.ok((x as number[]).length <= 1000);
  const bytes = JSON.stringify(figure).length + (await figureSvg(figure)).length;
  assert.ok(bytes < 100_000, `the figure has ${bytes} bytes`);
});

/** Makes a finished run below checkpoints/; removes it at the end of the test. */
function makeRun(t: TestContext, name: string, overrides: ConfigOverrides, mp5: number): string {
  const folder = projectPath("checkpoints", name);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(folder, { recursive: true });
  const config = overrideConfig(tiny("frozen"), { runName: name, ...overrides });
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  writeFileSync(join(folder, "metrics.jsonl"), metricLines({ epochs: 2, stepsPerEpoch: 10, mp5 }));
  return folder;
}

test("runs are compared by their different settings and their results", async (t) => {
  const printed: string[] = [];
  t.mock.method(console, "log", (text: string) => printed.push(text));
  makeRun(t, "test_compare_a", { margin: 0.3 }, 0.25);
  const folder = makeRun(t, "test_compare_b", { margin: 0.5, classSizeMargin: true }, 0.75);
  await compareRuns("test_compare_a", { folder });
  const [figure, settings, results] = printed;
  assert.match(figure!, /^Figure: .*scatter test_compare_a, scatter test_compare_b/);
  assert.deepEqual(
    settings!
      .split("\n")
      .slice(3)
      .map((line) => line.trim().split(/ {2,}/)),
    [
      ["margin", "0.3", "0.5"],
      ["classSizeMargin", "false", "true"],
    ],
  );
  assert.match(results!, /^test_compare_b +0\.75 +0\.6 +0\.3 +1 +finished +20\/20 +20 s +made before runs/m);
  assert.match(results!, /^Results \(scores are of different or unknown queries: none is the best\)/);
  await compareRuns("test_compare_a");
  assert.equal(printed.at(-2), "All settings are the same.");
  await assert.rejects(compareRuns(), { name: "UserError" });
  await assert.rejects(compareRuns("test_no_such_run"), { name: "UserError", message: /there is none/ });
  const failed = undefined as unknown as string; // the variable of a cell that has failed
  const message = /takes a run: .*; it got undefined\.[\s\S]*Run the cell that starts the run/;
  await assert.rejects(compareRuns("test_compare_a", failed), { name: "UserError", message });
  await assert.rejects(watchRun(failed), { name: "UserError", message });
  assert.throws(() => attachRun(failed), { name: "UserError", message });
});

test("among runs scored on the same queries, the best is in bold; another training table is reported", async (t) => {
  const shown: unknown[] = [];
  t.mock.method(console, "log", (text: string) => shown.push(text));
  const on = {
    dataDir: "data/x",
    classesOf: "retrieval",
    fingerprint: "ab".repeat(32),
    queries: 50,
    classes: 9,
  };
  for (const [name, mp5] of [
    ["test_on_a", 0.2],
    ["test_on_b", 0.4],
  ] as const) {
    const folder = makeRun(t, name, {}, mp5);
    const lines = metricLines({ epochs: 2, stepsPerEpoch: 10, mp5 });
    const withData = lines.replaceAll(
      '"queries":50',
      `"queries":50,"on":${JSON.stringify({ ...on, trainedOn: 4 })}`,
    );
    writeFileSync(join(folder, "metrics.jsonl"), withData);
    const table = { file: "t.csv", sha256: name.at(-1)!.repeat(64), rows: 7 };
    writeFileSync(join(folder, "made_of.json"), JSON.stringify({ table }));
  }
  await compareRuns("test_on_a", "test_on_b");
  const [, settings, results] = shown as string[];
  assert.match(settings!, /training table +aaaaaaaa, 7 rows +bbbbbbbb, 7 rows/);
  assert.match(results!, /^Results\n/);
  assert.match(results!, /test_on_b .* data\/x \(abababab\), 4 of 9 classes trained on/);
});

test("show() of a run: its state and its curves", async (t) => {
  const printed: string[] = [];
  t.mock.method(console, "log", (text: string) => printed.push(text));
  const folder = makeRun(t, "test_shown_run", {}, 0.5);
  await show(viewRun(folder));
  await show({ folder, stop: () => {} });
  assert.match(printed[0]!, new RegExp(`^${basename(folder)}: finished, epoch 2, step 20/20`));
  assert.match(printed[0]!, /^settings: tiny, frozen: .*margin 0\.3, .*seed 999$/m);
  assert.match(printed[0]!, /^finished at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/m);
  assert.match(printed[1]!, /^Figure: .*\(scatter loss, scatter mP@5, scatter R@1, scatter top-1\)/);
  assert.deepEqual(printed.slice(2), printed.slice(0, 2));
  // A run trained an hour ago with another margin: the output belongs to it
  const old = makeRun(t, "test_old_run", { margin: 0.2 }, 0.5);
  const hourAgo = new Date(Date.now() - 3_601_000);
  utimesSync(join(old, "metrics.jsonl"), hourAgo, hourAgo);
  await show(viewRun(old));
  assert.match(printed.at(-2)!, /^settings: .*margin 0\.2 \(preset: 0\.3\)/m);
  assert.match(printed.at(-2)!, /^finished at .* UTC, 1 h 0 min ago$/m);
});
