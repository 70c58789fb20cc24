// Whole tiny runs: finished, killed and resumed, stopped and resumed, refused.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { installPath } from "guie/dist/common/project";
import { overrideConfig, type TrainConfig } from "guie/dist/config/config";
import { openSafetensors } from "guie/dist/formats/safetensors";
import { packImages } from "guie/dist/packs/pack";
import type { Environment } from "guie/dist/runs/environment";
import { decodeEvent, eventFiles } from "guie/dist/runs/event_files";
import { checkpointFile, isBest } from "guie/dist/runs/kept_checkpoints";
import type { StepMetric } from "guie/dist/runs/metrics";
import { readMetrics, runFile, runFolder } from "guie/dist/runs/run_folder";
import { runTable } from "guie/dist/runs/run_table";
import { prepareRunFolder } from "guie/dist/runs/start_folder";
import { readRecords } from "guie/dist/runs/tfrecord";
import { runTraining } from "guie/dist/training/run";
import { TinyRuns } from "./tiny_runs";

const runs = new TinyRuns("run", { maxStepsPerEpoch: 3, nEpochs: 4 });
before(async () => {
  await runs.start();
  await packImages({ dataDir: runs.dataDir, imagesPerTar: 10 });
});
after(() => runs.end());

const baselineOfRun = (folder: string) =>
  runTable().find(({ run }) => folder.endsWith(`/${run}`))?.["baseline mP@5"];

const stepsOf = (folder: string) =>
  readMetrics(folder).filter((metric): metric is StepMetric => metric.kind === "step");
const lossesOf = (folder: string) => stepsOf(folder).map(({ loss }) => loss);

/** Returns the losses in the event files, which store float32. */
const eventLosses = (folder: string) =>
  eventFiles(folder)
    .flatMap((path) => [...readRecords(readFileSync(path))].map(({ data }) => decodeEvent(data)))
    .flatMap(({ summary }) => summary?.value.filter(({ tag }) => tag === "train/loss") ?? [])
    .map(({ simpleValue }) => simpleValue);

function spawnTrain(folder: string): ChildProcess {
  const guie = join(installPath(), "lib/bin/guie.js");
  return spawn(process.execPath, [guie, "train", "--resume", folder], { stdio: "ignore" });
}

async function waitForSteps(folder: string, count: number): Promise<void> {
  for (let i = 0; i < 600; i++) {
    if (existsSync(runFile(folder, "metrics")) && stepsOf(folder).length >= count) return;
    await sleep(50);
  }
  assert.fail(`no ${count} steps in ${folder}`);
}

const closed = (child: ChildProcess) => new Promise<number | null>((resolve) => child.on("close", resolve));

test("a run learns to tell six colours apart, also on images it has not trained on", async () => {
  const folder = runs.prepare("learns", { nEpochs: 40, marginStep: 0, backboneLrFactor: 0.3 });
  const summary = await runTraining(folder);
  const losses = lossesOf(folder);
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  assert.ok(mean(losses.slice(-9)) < 0.5 * mean(losses.slice(0, 9)), `losses ${losses}`);
  assert.ok(summary.validation!.top1 >= 0.8, `top-1 ${summary.validation!.top1}`);
});

test("a run validates every epoch, scores retrieval, and ends", async () => {
  const folder = runs.prepare("whole");
  const summary = await runTraining(folder);
  const losses = lossesOf(folder);
  assert.equal(summary.reason, "finished");
  assert.equal(losses.length, 12);
  const kinds = readMetrics(folder).map((metric) => metric.kind);
  assert.equal(kinds.filter((kind) => kind === "validation").length, 4);
  assert.equal(kinds.filter((kind) => kind === "retrieval").length, 4);
  const steps = readMetrics(folder).filter((metric) => metric.kind === "step");
  assert.ok(
    steps.every(({ dataSeconds, elapsedSeconds }) => dataSeconds >= 0 && dataSeconds <= elapsedSeconds),
  );
  assert.match(readFileSync(runFile(folder, "log"), "utf8"), /Epoch: \[4\]\[3\/3\] lr: /);
  assert.equal(existsSync(runFile(folder, "pid")), false);
  const page = readFileSync(installPath("docs/reference/run_folder.md"), "utf8");
  for (const name of readdirSync(folder)) {
    const pattern = name.replace(/tfevents\..*/, "tfevents.*").replace(/_\d+\./, "_N.");
    assert.ok(page.includes(`\`${pattern}\``), `docs/reference/run_folder.md describes ${pattern}`);
  }
  const { versions, device, commit, dirty, seed } = JSON.parse(
    readFileSync(runFile(folder, "environment"), "utf8"),
  ) as Environment;
  assert.equal(versions.node, process.versions.node);
  assert.match(versions.tensorflow!, /^2\.\d+\.\d+$/);
  assert.match(versions["@tensorflow/tfjs-node-gpu"]!, /^4\.\d+\.\d+$/);
  assert.ok(device.kind === "cpu" || device.kind === "gpu");
  assert.deepEqual([commit?.length ?? 40, typeof (dirty ?? false), seed], [40, "boolean", 999]);
});

test("checkpoints: best, last and the newest numbered ones stay", async () => {
  const keep = { cpktEpoch: 1, keepEverySteps: 5, keepCheckpoints: 2 };
  const folder = runs.prepare("checkpoints", keep);
  writeFileSync(join(folder, "last.safetensors.1.ab.tmp"), "what a killed process left");
  const { checkpoints } = await runTraining(folder);
  assert.deepEqual(checkpoints, ["best", "last", "epoch_3", "epoch_4", "step_5", "step_10"]);
  const files = checkpoints.map((name) => `${name}.safetensors`);
  const present = readdirSync(folder).filter((name) => name.includes(".safetensors"));
  assert.deepEqual(present.sort(), files.sort());
  const scores = readMetrics(folder).filter((metric) => metric.kind === "retrieval");
  const highest = scores.reduce((best, metric) => (metric.mp5 > best.mp5 ? metric : best));
  const steps = checkpoints.map((name) => {
    const file = openSafetensors(checkpointFile(folder, name));
    file.close();
    return Number(file.metadata.step);
  });
  assert.deepEqual(steps, [highest.step, 12, 9, 12, 5, 10]);
});

test("the best epoch: by mP@5, by top-1 if chosen or if nothing is held out; the first of equals", () => {
  const validation = (epoch: number, top1: number) =>
    ({ kind: "validation", epoch, step: epoch, loss: 1, top1, top5: 1, images: 1 }) as const;
  const retrieval = (epoch: number, mp5: number) =>
    ({ kind: "retrieval", epoch, step: epoch, mp5, r1: 1, queries: 1 }) as const;
  const both = [validation(1, 0.5), retrieval(1, 0.4), validation(2, 0.6), retrieval(2, 0.3)];
  const [byMp5, byTop1] = (["mp5", "top1"] as const).map((bestBy) => ({ bestBy, bestOf: "raw" }) as const);
  assert.equal(isBest(both, 2, byMp5!), false);
  assert.equal(isBest(both, 2, byTop1!), true);
  assert.equal(isBest([validation(1, 0.5), validation(2, 0.6)], 2, byMp5!), true);
  assert.equal(isBest([validation(1, 0.5), validation(2, 0.5)], 2, byMp5!), false);
  assert.equal(isBest([validation(1, 0.5)], 1, byTop1!), true);
  assert.equal(isBest([], 1, byMp5!), false);
  const averaged = (epoch: number, mp5: number) => ({ ...retrieval(epoch, 0.5), swa: { mp5, r1: 1 } });
  const ofSwa = { bestBy: "mp5", bestOf: "swa" } as const;
  assert.equal(isBest([retrieval(1, 0.9), averaged(2, 0.3)], 1, ofSwa), false, "epoch 1 has no SWA");
  assert.equal(isBest([retrieval(1, 0.9), averaged(2, 0.3)], 2, ofSwa), true);
  assert.equal(isBest([averaged(1, 0.4), averaged(2, 0.3)], 2, ofSwa), false);
});

test("the same config and data give the same losses", async () => {
  const first = runs.prepare("same-a");
  const second = runs.prepare("same-b");
  await runTraining(first);
  await runTraining(second);
  assert.deepEqual(lossesOf(second), lossesOf(first));
});

for (const [name, settings] of [
  ["plain", {}],
  ["adapters-and-prefixes", { loraRank: 2, backboneLrFactor: 1, matryoshka: [2, 4] }],
  ["tars", { imagesFrom: "tars", shuffleBuffer: 8 }],
] as const)
  test(`a run that was killed half way and started again ends like an unbroken one: ${name}`, async () => {
    const unbroken = runs.prepare(`unbroken-${name}`, settings);
    const killed = runs.prepare(`killed-${name}`, settings);
    const expected = await runTraining(unbroken);
    const child = spawnTrain(killed);
    const end = closed(child);
    await waitForSteps(killed, 5);
    child.kill("SIGKILL");
    await end;
    assert.ok(stepsOf(killed).length < 12, "the kill came too late to test anything");
    const summary = await runTraining(killed);
    assert.deepEqual(lossesOf(killed), lossesOf(unbroken));
    assert.deepEqual({ ...summary, folder: "" }, { ...expected, folder: "" });
    assert.equal(eventFiles(killed).length, 2);
    assert.deepEqual(eventLosses(killed), lossesOf(unbroken).map(Math.fround));
    assert.match(readFileSync(runFile(killed, "log"), "utf8"), /Resumed after step \d+ of 12/);
  });

test("a run asked to stop finishes its step and saves; started again it goes on", async () => {
  const folder = runs.prepare("stopped");
  const child = spawnTrain(folder);
  const end = closed(child);
  await waitForSteps(folder, 3);
  child.kill("SIGTERM");
  assert.equal(await end, 0);
  const last = readMetrics(folder).at(-1);
  assert.equal(last?.kind === "end" && last.reason, "stopped");
  assert.equal((await runTraining(folder)).reason, "finished");
  assert.deepEqual(lossesOf(folder), lossesOf(runFolder(runs.name("unbroken-plain"))));
});

test("a fine_tune run starts from a frozen one; features are computed once", async () => {
  const frozen = runs.prepare("frozen", { standardise: true }, "frozen");
  await runTraining(frozen);
  const features = join(runs.dataDir, "features/tiny_28px_last2/train");
  assert.ok(existsSync(features));
  const from = { standardise: true, initFrom: runs.name("frozen"), nEpochs: 1 };
  const folder = runs.prepare("tuned", from);
  assert.equal((await runTraining(folder)).steps, 3);
});

test("a folder with a run of other settings is refused, harmless ones may change, a finished run stays", async () => {
  const config = runs.config("refused", { nEpochs: 1 });
  const folder = prepareRunFolder(config);
  await runTraining(folder);
  const before = readFileSync(runFile(folder, "metrics"), "utf8");
  assert.throws(
    () => prepareRunFolder(overrideConfig(config, { initLr: 0.5 })),
    /initLr 0.01 -> 0.5[\s\S]*--overwrite/,
  );
  prepareRunFolder(overrideConfig(config, { numWorkers: 1 }));
  await runTraining(folder);
  assert.equal(readFileSync(runFile(folder, "metrics"), "utf8"), before);
});

test("a run that another process trains is refused", () => {
  const folder = runs.prepare("claimed");
  const stat = readFileSync(`/proc/${process.ppid}/stat`, "utf8");
  const startedAt = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  writeFileSync(runFile(folder, "pid"), `${process.ppid} ${startedAt}`);
  assert.throws(() => runs.prepare("claimed"), /under way/);
  writeFileSync(runFile(folder, "pid"), `${process.ppid} 1`); // another process has this number now
  runs.prepare("claimed");
});

test("errors name what is missing and what makes it", async () => {
  const train = async (name: string, overrides: Partial<TrainConfig>, stage?: TrainConfig["stage"]) =>
    runTraining(runs.prepare(name, overrides, stage));
  await assert.rejects(train("no-data", { dataDir: join(runs.dataDir, "nowhere") }), /npx guie merge/);
  await assert.rejects(train("no-weights", { weights: "checkpoints/absent.safetensors" }), /prepare-model/);
  await assert.rejects(train("no-start", { initFrom: runs.name("absent") }), /Expected a checkpoint/);
  await assert.rejects(train("big-batch", { batchSize: 64 }), /fewer than the 64 of one step/);
  const failed = readMetrics(runFolder(runs.name("no-data"))).at(-1);
  assert.equal(failed?.kind === "end" && failed.reason, "failed");
});

test("a fine-tuned run has the frozen run that it started from in its summary and in the table of runs", async () => {
  const frozen = await runTraining(runs.prepare("before", { nEpochs: 1 }, "frozen"));
  assert.equal(frozen.baseline, undefined);
  const config = runs.config("behind", { nEpochs: 1, initFrom: runs.name("before") });
  const tuned = await runTraining(prepareRunFolder(config));
  assert.deepEqual(tuned.baseline, {
    run: runs.name("before"),
    mp5: frozen.retrieval!.mp5,
    r1: frozen.retrieval!.r1,
    leftOut: undefined,
  });
  assert.equal(baselineOfRun(tuned.folder), frozen.retrieval!.mp5);
});
