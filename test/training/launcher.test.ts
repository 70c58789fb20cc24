// Runs in separate processes: they outlive what started them; `guie runs` and `guie watch` show them.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, rmSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { attachRun, startRun } from "guie";
import { installPath } from "guie/dist/common/project";
import { overrideConfig } from "guie/dist/config/config";
import { tiny } from "guie/dist/config/presets";
import { followRun, type RunView, viewRun } from "guie/dist/runs/follow";
import { runFolder } from "guie/dist/runs/run_folder";
import { makeTinyData } from "./tiny_data";

const guie = (...args: string[]) =>
  execFileSync(process.execPath, [installPath("lib/bin/guie.js"), ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });

/** Waits until the run has taken `count` steps. */
async function stepsTaken(folder: string, count: number): Promise<RunView> {
  for (let i = 0; i < 1200; i++, await sleep(50)) {
    if (!existsSync(folder)) continue;
    const view = viewRun(folder);
    assert.ok(view.state !== "failed" && view.state !== "lost", `the run is ${view.state}`);
    if (view.steps.length >= count) return view;
  }
  return assert.fail(`no ${count} steps in ${folder}`);
}

test("a run outlives what started it, is listed and watched, stopped by a handle, and resumed", async (t) => {
  const dataDir = await makeTinyData();
  const runName = `test-${process.pid}-launched`;
  const folder = runFolder(runName);
  const config = overrideConfig(tiny(), { runName, dataDir, maxStepsPerEpoch: 3, nEpochs: 300 });

  // Like a kernel: a separate process group, which is killed as a whole.
  const code = `require("guie").startRun(${JSON.stringify(config)}); setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ["-e", code], {
    cwd: installPath(),
    detached: true,
    stdio: "ignore",
  });
  const parentClosed = once(parent, "close");
  t.after(async () => {
    // A failed test must leave neither the parent nor the run behind.
    if (parent.exitCode === null && parent.signalCode === null) process.kill(-parent.pid!, "SIGKILL");
    await parentClosed;
    if (existsSync(folder) && viewRun(folder).state === "running") {
      attachRun(folder).stop();
      await followRun(folder, () => {});
    }
    for (const path of [dataDir, folder]) rmSync(path, { recursive: true, force: true });
  });
  const before = await stepsTaken(folder, 4);
  process.kill(-parent.pid!, "SIGKILL");
  await parentClosed;
  const later = await stepsTaken(folder, before.steps.length + 4);
  assert.equal(later.state, "running");

  const row = JSON.parse(guie("runs", "--json")).runs.find((one: { run: string }) => one.run === runName);
  assert.deepEqual([row.settings.split(":")[0], row.stage, row.state], ["tiny", "fine_tune", "running"]);
  assert.match(row.when, /^\d{4}-\d\d-\d\d \d\d:\d\d$/);
  assert.match(guie("runs"), new RegExp(`^${runName} .* fine_tune +running +\\d+ .* tiny: `, "m"));
  assert.match(
    guie("watch", runName, "--once"),
    new RegExp(`^${runName}: running, epoch \\d+, step \\d+/900, `),
  );

  const run = attachRun(runName);
  run.stop();
  const stopped = await followRun(runName, () => {});
  assert.equal(stopped.state, "stopped");
  assert.match(guie("watch", runName), /: stopped \(started again, it goes on\), epoch \d+/);

  const again = startRun(config);
  assert.equal(again.folder, folder);
  const goneOn = await stepsTaken(folder, stopped.steps.length + 1);
  assert.deepEqual(
    goneOn.steps.map(({ step }) => step),
    goneOn.steps.map((_, i) => i + 1),
  );
  again.stop();
  assert.equal((await followRun(runName, () => {})).state, "stopped");
});

test("the error of a missing run names it", () => {
  assert.throws(() => guie("watch", "nowhere"), /Expected a run at .*checkpoints\/nowhere: there is none/);
});
