// An overwritten run stays until the new one has a checkpoint; a folder that is no run is not overwritten.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { replacedPlace } from "guie/dist/common/files/replace";
import { installPath } from "guie/dist/common/project";
import type { TrainConfig } from "guie/dist/config/config";
import { makeSoup } from "guie/dist/experiments/soup";
import { followRun, viewRun } from "guie/dist/runs/follow";
import { hasCheckpoint, listRuns, readRunConfig, runFolder } from "guie/dist/runs/run_folder";
import { prepareRunFolder, trainerOf } from "guie/dist/runs/start_folder";
import { beginRun } from "guie/dist/training/begin_run";
import { startRun } from "guie/dist/training/launcher";
import { runTraining } from "guie/dist/training/run";
import { TinyRuns } from "../training/tiny_runs";

const runs = new TinyRuns("overwrite", { maxStepsPerEpoch: 2, nEpochs: 1 });
const GOOD = runs.name("good");
const folder = runFolder(GOOD);

before(async () => {
  await runs.start();
  await runTraining(prepareRunFolder(runs.config(GOOD)));
});
after(() => runs.end());

/** Returns the content of every file of a run except the log, by path. */
function contents(place = folder): Record<string, string> {
  const files = readdirSync(place, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && entry.name !== "log.txt",
  );
  return Object.fromEntries(
    files.map(({ parentPath, name }) => [
      join(parentPath, name),
      readFileSync(join(parentPath, name), "latin1"),
    ]),
  );
}

/** Overwrites the run as `guie train --overwrite` does. */
async function overwrite(overrides: Partial<TrainConfig>): Promise<void> {
  const { folder, claim } = beginRun(runs.config(GOOD, overrides), { overwrite: true });
  await runTraining(folder, { claimed: claim }).finally(claim.release);
}

const nothingBeside = () =>
  assert.deepEqual(
    readdirSync(dirname(folder)).filter((name) => name.startsWith(`.${GOOD}`)),
    [],
  );

test("a run stays as it is if the run that should replace it cannot start", async () => {
  const before = contents();
  const faults: [Partial<TrainConfig>, RegExp][] = [
    [{ dataDir: "/nowhere" }, /\/nowhere\/.*: there is none\.[\s\S]*guie merge/],
    [{ weights: "checkpoints/nothing.safetensors" }, /prepare-model/],
    [{ initFrom: "nothing" }, /Expected a checkpoint/],
    [{ initFrom: GOOD }, /the new would be made from/],
    [{ initFrom: `${GOOD}/best:ema` }, /the new would be made from|holds no EMA/],
    [{ initFrom: join(folder, "last.safetensors") }, /the new would be made from/],
    // found only after training has begun
    [{ batchSize: 64 }, /fewer than the 64 of one step[\s\S]*The run in .* is as it was before/],
  ];
  for (const [overrides, message] of faults) {
    await assert.rejects(overwrite(overrides), message, JSON.stringify(overrides));
    assert.deepEqual(contents(), before, JSON.stringify(overrides));
  }
  nothingBeside();
  assert.match(
    readFileSync(join(folder, "log.txt"), "utf8"),
    /to replace this one ended before its first checkpoint: /,
  );
});

test("a run is replaced once the new one has a checkpoint", async () => {
  const before = contents();
  const { folder: place, claim } = beginRun(runs.config(GOOD, { initLr: 0.02 }), { overwrite: true });
  assert.equal(hasCheckpoint(place), false);
  assert.deepEqual(Object.values(contents(replacedPlace(place))), Object.values(before));
  assert.ok(!listRuns().some((name) => name.includes("replaced")));
  await runTraining(place, { claimed: claim });
  claim.release();
  assert.equal(readRunConfig(folder).initLr, 0.02);
  assert.equal(viewRun(folder).state, "finished");
  nothingBeside();
});

test("a new run killed before its first checkpoint is dropped by the next start of another one", async () => {
  const before = contents();
  const begin = () => beginRun(runs.config(GOOD, { initLr: 0.03 }), { overwrite: true });
  begin().claim.release();
  begin().claim.release(); // a second start, as after a kill
  assert.throws(
    () => prepareRunFolder(runs.config(GOOD, { initLr: 0.03 })),
    /holds a run with other settings/,
  );
  assert.deepEqual(contents(), before);
  nothingBeside();
});

test("a folder that is no run, or holds anything else, is neither overwritten nor made a run", async () => {
  const other = runFolder(runs.name("mine"));
  mkdirSync(join(other, "photos"), { recursive: true });
  const config = runs.config("mine");
  for (const asked of [false, true]) {
    const begin = () => beginRun(config, { overwrite: asked });
    assert.throws(
      begin,
      /holds what is not part of a run: photos\/\. It stays as it is\.\n {2}Next: Choose another --run-name/,
    );
  }
  assert.deepEqual(readdirSync(other), ["photos"]);
  const notes = join(folder, "notes.txt");
  writeFileSync(notes, "mine");
  assert.throws(() => beginRun(runs.config(GOOD), { overwrite: true }), /not part of a run: notes\.txt/);
  rmSync(notes);
  for (const runName of ["..", "."]) {
    const all = { ...runs.config(GOOD), runName };
    assert.throws(
      () => beginRun(all, { overwrite: true }),
      /holds what is not part of a run|would be made from/,
    );
  }
});

test("a soup does not replace its own inputs", async () => {
  const second = runs.name("second");
  await runTraining(prepareRunFolder(runs.config(second, { initLr: 0.03 })));
  const before = contents();
  for (const asked of [false, true]) {
    await assert.rejects(
      makeSoup([GOOD, `${second}/best`], GOOD, { overwrite: asked }),
      /holds .*last\.safetensors: the new would be made from it/,
    );
  }
  assert.deepEqual(contents(), before);
  const third = runs.name("third");
  await runTraining(prepareRunFolder(runs.config(third)));
  await makeSoup([GOOD, second], third, { overwrite: true });
  assert.ok(existsSync(join(runFolder(third), "soup.json")));
  assert.equal(existsSync(join(runFolder(third), "log.txt")), false);
});

test("one of four starts of one run trains, the others name its process", async () => {
  const name = runs.name("four");
  const args = ["train", "--config-name", "tiny", "--stage", "fine_tune", "--data-dir", runs.dataDir];
  const settings = ["--n-epochs", "40", "--max-steps-per-epoch", "3", "--set", "standardise=false"];
  const ends = [0.01, 0.02, 0.03, 0.04].map(async (rate) => {
    const all = [...args, ...settings, "--run-name", name, "--init-lr", String(rate)];
    const child = spawn(process.execPath, [installPath("lib/bin/guie.js"), ...all], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let errors = "";
    child.stderr.on("data", (data) => {
      errors += data;
    });
    const [code] = await once(child, "close");
    return { code, errors, rate };
  });
  const all = await Promise.all(ends);
  const [trained] = all.filter(({ code }) => code === 0);
  assert.equal(all.filter(({ code }) => code === 0).length, 1, JSON.stringify(all));
  for (const { code, errors } of all) {
    if (code === 0) continue;
    const isUnderWay = /The run in .* is under way \(process \d+, since .* UTC\)/.test(errors);
    assert.equal(code, isUnderWay ? 75 : 1, "75: the same command may succeed later");
    if (!isUnderWay) assert.match(errors, /holds a run with other settings/);
  }
  const { initLr } = readRunConfig(runFolder(name));
  assert.equal(initLr, trained!.rate);
  const steps = viewRun(name).steps.map(({ step }) => step);
  assert.deepEqual(
    steps,
    steps.map((_, i) => i + 1),
  );
  assert.equal(steps.length, 120);
});

test("a run started by a notebook belongs to its own process from the first moment", async () => {
  const name = runs.name("handed");
  const config = runs.config(name, { nEpochs: 200 });
  const run = startRun(config);
  const { pid } = trainerOf(run.folder)!;
  assert.notEqual(pid, process.pid);
  assert.match(startRun(config).note!, /already under way.*attached to it/);
  assert.throws(() => startRun(config, { overwrite: true }), /is under way: it is not replaced/);
  assert.throws(() => beginRun(config), new RegExp(`is under way \\(process ${pid}, `));
  while (viewRun(name).steps.length === 0) await sleep(50);
  run.stop();
  assert.equal((await followRun(name, () => {})).state, "stopped");
  beginRun(config).claim.release();
});
