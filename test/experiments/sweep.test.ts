// Sweeps over tiny runs: planned, interrupted and continued, equal to single runs.
import assert from "node:assert/strict";
import { existsSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { inspect } from "node:util";
import { clearInterrupt, requestInterrupt } from "guie/dist/common/interrupt";
import type { OnProgress } from "guie/dist/common/progress";
import { projectPath } from "guie/dist/common/project";
import { overrideConfig, type TrainConfig } from "guie/dist/config/config";
import { tiny } from "guie/dist/config/presets";
import { bestRun, planSweep, runSweep, type SweepGrid } from "guie/dist/experiments/sweep";
import { sweep, sweepFigure } from "guie/dist/notebook/views/sweep";
import { prepareRunFolder } from "guie/dist/runs/start_folder";
import { runTraining } from "guie/dist/training/run";
import { makeTinyData } from "../training/tiny_data";

const NAME = `test-sweep-${process.pid}`;
let dataDir: string;
let config: Readonly<TrainConfig>;

before(async () => {
  dataDir = await makeTinyData();
  config = overrideConfig(tiny("frozen"), { dataDir, runName: `${NAME}-frozen`, nEpochs: 1 });
});

after(() => {
  rmSync(dataDir, { recursive: true, force: true });
  for (const end of ["", "-few", "-frozen", "-frozen_sweep", "-one"])
    rmSync(projectPath("checkpoints", NAME + end), { recursive: true, force: true });
});

test("every combination is planned, the last setting fastest, each in its own folder", () => {
  const runs = planSweep(config, { initLr: [0.01, 0.001], neck: ["simple", "norm_single_linear"] }, NAME);
  assert.deepEqual(
    runs.map(({ settings }) => Object.values(settings)),
    [
      [0.01, "simple"],
      [0.01, "norm_single_linear"],
      [0.001, "simple"],
      [0.001, "norm_single_linear"],
    ],
  );
  assert.equal(runs[3]!.folder, projectPath("checkpoints", NAME, "initLr_0.001-neck_norm_single_linear"));
  assert.deepEqual([runs[3]!.config.initLr, runs[3]!.config.s], [0.001, config.s]);
});

test("a wrong grid is refused before anything runs", () => {
  const refused: [unknown, RegExp][] = [
    [{ marging: [0.3] }, /no setting "marging".*\n.*Did you mean "margin"/],
    [{ margin: ["0.3"] }, /margin = "0.3"/],
    [{ margin: 0.3 }, /takes a list of different values for "margin", not 0.3/],
    [{ margin: [] }, /takes a list/],
    [{ margin: [0.3, 0.3] }, /different values/],
    [{ runName: ["a"] }, /cannot vary "runName"/],
  ];
  for (const [grid, message] of refused)
    assert.throws(() => planSweep(config, grid as SweepGrid, NAME), { name: "UserError", message });
});

test("an interrupted sweep goes on; its runs equal single ones; a failed run does not end it", async () => {
  const grid = { initLr: [0.01, 1e38], margin: [0.2, 0.4] };
  const first = planSweep(config, grid, NAME);
  const interruptTheSecond: OnProgress = ({ stage, done }) => {
    if (first[1]!.state === "running" && stage === "frozen" && done === 2) requestInterrupt();
  };
  await assert.rejects(runSweep(first, { onProgress: interruptTheSecond }), { name: "Interrupted" });
  clearInterrupt();
  assert.deepEqual(
    first.map(({ state }) => state),
    ["finished", "waiting", "waiting", "waiting"],
  );
  const metrics = join(first[0]!.folder, "metrics.jsonl");
  const writtenAtMs = statSync(metrics).mtimeMs;

  const second = planSweep(config, grid, NAME);
  await runSweep(second);
  assert.equal(statSync(metrics).mtimeMs, writtenAtMs, "a finished run is not trained again");
  assert.deepEqual(
    second.map(({ state }) => state),
    ["finished", "finished", "failed", "failed"],
  );
  assert.match(second[2]!.message!, /^The loss is NaN at step 2/);
  const one = overrideConfig(second[1]!.config, { runName: `${NAME}-one` });
  const single = await runTraining(prepareRunFolder(one));
  assert.equal(second[1]!.loss, single.finalLoss);
  assert.deepEqual([second[1]!.mp5, second[1]!.top1], [single.retrieval?.mp5, single.validation?.top1]);
});

test("a sweep that would choose by one held-out class is refused before any run begins", async () => {
  const few = overrideConfig(config, { holdOutShare: 0.15 });
  const runs = planSweep(few, { margin: [0.1, 0.2] }, `${NAME}-few`);
  await assert.rejects(runSweep(runs), {
    name: "UserError",
    message: /holds out 1 of 6 classes[\s\S]*Hold out 3 classes: --set holdOutShare=0\.5/,
  });
  assert.ok(runs.every(({ state, folder }) => state === "waiting" && !existsSync(folder)));
});

test("the best run has the highest mP@5, or top-1 if nothing is held out; a failed run is never best", () => {
  assert.equal(bestRun([{ mp5: 0.1, top1: 0.9 }, { mp5: 0.3, top1: 0.1 }, { top1: 1 }]), 1);
  assert.equal(bestRun([{ top1: 0.1 }, { top1: 0.9 }]), 1);
  assert.equal(bestRun([{}, {}]), -1);
});

test("the table and the figure of a sweep", async (t) => {
  const printed: string[] = [];
  t.mock.method(console, "log", (text: string) => printed.push(text));
  const result = await sweep(config, { margin: [0.2, 0.4] });
  assert.match(printed.at(-1)!, new RegExp(`^${NAME}-frozen_sweep: 2 of 2 runs\n`));
  assert.match(printed.at(-1)!, /^ *0\.2 +finished +/m);
  assert.ok(result.best && result.runs.includes(result.best));
  assert.match(inspect(result), /^best: \{ margin: 0\.[24] \}$/);
  const [line] = sweepFigure(result).data;
  assert.deepEqual(line!.x, [0.2, 0.4]);
  const both = result.runs.map((run) => ({ ...run, settings: { s: 12, ...run.settings } }));
  const [alone] = sweepFigure({ ...result, runs: both }).data;
  assert.deepEqual([alone!.x, alone!.name], [[0.2, 0.4], "s 12"], "a setting with one value is no axis");
});
