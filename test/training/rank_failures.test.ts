// Runs of several processes that end early: one line says why, no process is left, and the run can go on.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { installPath } from "guie/dist/common/project";
import { overrideConfig, type TrainConfig } from "guie/dist/config/config";
import { ensureBackboneFeatures } from "guie/dist/features/features";
import { openSafetensors, writeSafetensors } from "guie/dist/formats/safetensors";
import { readMetrics, runFile } from "guie/dist/runs/run_folder";
import { inProcesses, prepareRunFolder } from "guie/dist/runs/start_folder";
import { distinctFiles, readRunData } from "guie/dist/training/data/read_run_data";
import { superviseRun } from "guie/dist/training/processes/supervisor";
import { runTraining } from "guie/dist/training/run";
import { assertSameLosses, lossesOf, rankProcesses, removeRuns, runConfig, stepsTaken } from "./rank_runs";
import { makeTinyData } from "./tiny_data";

/** 120 steps, with a checkpoint every seven. */
const LONG = { nEpochs: 60, cpktSteps: 7, marginStep: 0 };

let dataDir: string;
let unbroken: number[];

before(async () => {
  dataDir = await makeTinyData();
  const folder = prepareRunFolder(runConfig("unbroken", dataDir, 1, LONG));
  await runTraining(folder);
  unbroken = lossesOf(folder);
});

after(() => {
  rmSync(dataDir, { recursive: true, force: true });
  removeRuns();
});

const guie = (...args: string[]) =>
  spawn(process.execPath, [installPath("lib/bin/guie.js"), ...args], { stdio: ["ignore", "ignore", "pipe"] });

test("a killed rank ends the run with one line; started again, it ends like an unbroken one", async () => {
  const folder = prepareRunFolder(runConfig("killed", dataDir, 2, LONG));
  const run = superviseRun(folder);
  await stepsTaken(folder, 20);
  process.kill(rankProcesses().get(1)!, "SIGKILL");
  const killedAtMs = Date.now();
  await assert.rejects(run, (error: Error) => {
    assert.match(
      error.message,
      /^The run has ended: rank 1 of 2 on \S+ \(127\.0\.0\.1:\d+\): its process ended by SIGKILL \(last seen after step \d+, [a-z ]+\)$/,
    );
    return true;
  });
  assert.ok(Date.now() - killedAtMs < 10_000);
  assert.equal(rankProcesses().size, 0);
  const end = readMetrics(folder).at(-1);
  assert.ok(end?.kind === "end" && end.reason === "failed" && /rank 1 of 2/.test(end.message!));
  assert.ok(lossesOf(folder).length < 120, "the kill came too late to test anything");
  const summary = await superviseRun(folder);
  assert.equal(summary.reason, "finished");
  assertSameLosses(lossesOf(folder), unbroken);
});

test("the run goes on by itself if restarts are allowed", async () => {
  const folder = prepareRunFolder(runConfig("restarted", dataDir, 2, LONG));
  const lines: string[] = [];
  const run = superviseRun(folder, { maxRestarts: 1, say: (line) => lines.push(line) });
  await stepsTaken(folder, 20);
  process.kill(rankProcesses().get(0)!, "SIGKILL");
  assert.equal((await run).reason, "finished");
  assertSameLosses(lossesOf(folder), unbroken);
  assert.match(
    lines.join("\n"),
    /rank 0 of 2 .* SIGKILL .*Starting again from the last checkpoint \(1 of 1\)/,
  );
  assert.match(readFileSync(runFile(folder, "log"), "utf8"), /Resumed after step \d+ of 120/);
});

test("a rank that hangs ends the run", async () => {
  const folder = prepareRunFolder(runConfig("hung", dataDir, 2, LONG));
  const run = superviseRun(folder, { silentMs: 4000 });
  await stepsTaken(folder, 20);
  process.kill(rankProcesses().get(1)!, "SIGSTOP");
  await assert.rejects(run, /rank 1 of 2 on .*: no sign of life for 4 s \(last seen after step \d+/);
  assert.equal(rankProcesses().size, 0);
});

for (const [head, shardHead] of [
  ["", false],
  [" with a sharded head", true],
] as const) {
  test(`all ranks stop after the same step when asked; the run${head} goes on in three processes, or in one`, async () => {
    const config = runConfig(`stopped${head}`, dataDir, 2, { ...LONG, shardHead });
    const folder = prepareRunFolder(config);
    const child = guie("train", "--run-dir", folder);
    await stepsTaken(folder, 20);
    child.kill("SIGTERM");
    const [code] = await once(child, "close");
    assert.equal(code, 0);
    const end = readMetrics(folder).at(-1);
    assert.ok(end?.kind === "end" && end.reason === "stopped");
    assert.ok(lossesOf(folder).length < 120);

    assert.throws(
      () => prepareRunFolder(overrideConfig(config, { processes: 3 })),
      /global batch \(processes x batchSize\) 12 -> 18/,
    );
    assert.throws(
      () => inProcesses(config, { processes: 5, gpus: [] }),
      /12 images cannot be divided over 5/,
    );
    const three = guie("train", "--run-dir", folder, "--processes", "3");
    await stepsTaken(folder, lossesOf(folder).length + 10);
    three.kill("SIGTERM");
    await once(three, "close");
    const stoppedAt = lossesOf(folder).length;
    assert.ok(stoppedAt < 120);
    prepareRunFolder(inProcesses(config, { processes: 1, gpus: [] }));
    await runTraining(folder);
    assertSameLosses(lossesOf(folder), unbroken);
  });
}

test("ranks end with their supervisor, however it ends", async () => {
  const folder = prepareRunFolder(runConfig("orphans", dataDir, 2, LONG));
  const child = guie("train", "--run-dir", folder);
  await stepsTaken(folder, 5);
  const ranks = rankProcesses(child.pid);
  assert.equal(ranks.size, 2);
  process.kill(ranks.get(1)!, "SIGSTOP");
  child.kill("SIGKILL");
  await once(child, "close");
  for (let i = 0; rankProcesses(child.pid).size > 0; i++, await sleep(20))
    assert.ok(i < 250, "a rank lives on");
});

test("a NaN loss ends the run, names its rank, and is not tried again", async () => {
  const config = runConfig("nan", dataDir, 2, { stage: "frozen", nEpochs: 3, maxStepsPerEpoch: 0 });
  const folder = prepareRunFolder(config);
  await spoilFeatures(config, "final_data_224/tiny/images/2_3.jpg");
  await assert.rejects(superviseRun(folder, { maxRestarts: 3 }), (error: Error) => {
    assert.match(
      error.message,
      /^The run has ended: rank [01] of 2 on .*The loss is NaN at step \d+ .*2_3\.jpg/,
    );
    assert.doesNotMatch(error.message, /\n/);
    return true;
  });
});

/** Sets the cached features of an image to NaN, in the file. */
async function spoilFeatures(config: Readonly<TrainConfig>, image: string): Promise<void> {
  const { train, validation } = await readRunData(config);
  const files = distinctFiles(train.files, validation.files);
  const { folder, shards, length } = await ensureBackboneFeatures(config, "train", files);
  const path = join(folder, shards[0]!.file);
  const { read, metadata, close } = openSafetensors(path);
  const data = read("features").fill(Number.NaN, ...rowOf([...files].indexOf(image), length));
  close();
  await writeSafetensors(
    path,
    [{ name: "features", shape: [data.length / length, length], data }],
    metadata,
    "F16",
  );
}

const rowOf = (row: number, length: number): [number, number] => [row * length, (row + 1) * length];
