// Following and watching runs.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { appendFileSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { followRun, type RunView, viewRun } from "guie/dist/runs/follow";
import { temporaryFolder } from "../folders";
import { contents, runCells } from "../kernel/drive";

const FAKE_RUN = installPath("build", "test", "notebook", "fake_run.js");

/** Starts a fake run of 100 steps in its own folder; its process ends with the test. */
function startFake(t: TestContext, ending: string): string {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, "config.json"), "{}");
  const run = spawn(process.execPath, [FAKE_RUN, folder, "100", "1", ending, "wait"]);
  t.after(() => run.kill("SIGKILL"));
  return folder;
}

for (const [ending, state] of [
  ["finish", "finished"],
  ["fail", "failed"],
  ["die", "lost"],
] as const) {
  test(`following a run until it is ${state}`, async (t) => {
    const folder = startFake(t, ending);
    const views: RunView[] = [];
    const last = await followRun(folder, (view) => {
      views.push({ ...view, steps: [...view.steps] });
      // The second half begins after the first has been read.
      if (view.steps.length === 50) writeFileSync(join(folder, "go"), "");
    });
    assert.equal(last.state, state);
    assert.deepEqual(
      last.steps.map(({ step }) => step),
      Array.from({ length: 100 }, (_, i) => i + 1),
    );
    assert.deepEqual(
      last.retrievals.map(({ epoch, mp5 }) => [epoch, mp5]),
      [
        [1, 0.2],
        [2, 0.4],
      ],
    );
    assert.equal(views[0]!.state, "starting");
    assert.ok(views.some((view) => view.state === "running" && view.steps.length === 50));
    assert.equal(last.end?.reason, ending === "die" ? undefined : state);
  });
}

test("a half-written line waits for its end, and a replaced file is read again", async (t) => {
  const folder = temporaryFolder(t);
  const path = join(folder, "metrics.jsonl");
  const line = (step: number) =>
    JSON.stringify({
      kind: "step",
      stage: "frozen",
      epoch: 1,
      step,
      totalSteps: 3,
      loss: step,
      margin: 0.3,
      learningRate: 0.1,
      backboneLearningRate: 0,
      imagesPerSecond: 1,
      memoryMB: 1,
      elapsedSeconds: 1,
    });
  writeFileSync(join(folder, "config.json"), "{}");
  writeFileSync(path, `${line(1)}\n${line(2)}\n${line(3).slice(0, 9)}`);
  // The config is newer than the metrics, as for a resumed run: the run counts as starting.
  const soon = Date.now() / 1000 + 10;
  utimesSync(join(folder, "config.json"), soon, soon);
  const seen: number[][] = [];
  const last = await followRun(folder, (view) => {
    seen.push(view.steps.map(({ step }) => step));
    if (seen.length === 1) {
      appendFileSync(path, `${line(3).slice(9)}\n`);
    } else {
      writeFileSync(
        `${path}.new`,
        `${line(1)}\n${line(2)}\n{"kind":"end","reason":"finished","elapsedSeconds":1}\n`,
      );
      renameSync(`${path}.new`, path);
    }
  });
  assert.deepEqual(seen, [
    [1, 2],
    [1, 2, 3],
    [1, 2],
  ]);
  assert.equal(last.state, "finished");
});

test("after the clock was set back, a run is not waited for, and a restarted one does not count as ended", (t) => {
  const folder = temporaryFolder(t);
  const [config, metrics] = ["config.json", "metrics.jsonl"].map((name) => join(folder, name)) as [
    string,
    string,
  ];
  const dated = (path: string, secondsFromNow: number) => {
    const date = Date.now() / 1000 + secondsFromNow;
    utimesSync(path, date, date);
  };
  writeFileSync(config, "{}");
  dated(config, 86_400);
  assert.equal(viewRun(folder).state, "lost", "its date lies a day ahead: it would be starting for a day");
  writeFileSync(metrics, `${JSON.stringify({ kind: "end", reason: "stopped", elapsedSeconds: 1 })}\n`);
  dated(metrics, 86_000);
  assert.equal(viewRun(folder).state, "stopped");
  writeFileSync(config, "{}"); // resumed, by the new clock
  assert.equal(viewRun(folder).state, "starting");
  dated(config, -600);
  assert.equal(viewRun(folder).state, "stopped", "it did not come");
});

test("a missing run is named in the error", async () => {
  await assert.rejects(
    followRun("/nowhere/run", () => {}),
    { name: "UserError", message: /at \/nowhere\/run: there is none/ },
  );
});

test("watching in a notebook: status and curve in place, an interactive end, Interrupt leaves the run alone", (t) => {
  const folder = temporaryFolder(t);
  const [configFile, metricsFile] = [join(folder, "config.json"), join(folder, "metrics.jsonl")].map((path) =>
    JSON.stringify(path),
  );
  writeFileSync(join(folder, "config.json"), "{}");
  const code = `const ended = await watchRun(${JSON.stringify(folder)});`;
  const [, , interrupted, watched, gone] = runCells(installPath("notebooks"), [
    `import { watchRun } from "guie/dist/notebook/views/watch";
import { spawn } from "child_process";
import { rmSync, utimesSync, writeFileSync } from "fs";`,
    // Detached, like startRun(): Interrupt reaches the kernel's whole process group.
    `const args = ${JSON.stringify([FAKE_RUN, folder, "300", "20", "finish", "wait"])};
spawn(process.execPath, args, { detached: true, stdio: "ignore" });`,
    { code: `setTimeout(() => console.log("soon"), 1000);\n${code}`, interruptAt: "soon" },
    `setTimeout(() => writeFileSync(${JSON.stringify(join(folder, "go"))}, ""), 3000);\n${code}\nconsole.log(ended.state, ended.steps.length);`,
    `rmSync(${metricsFile});\nutimesSync(${configFile}, 0, 0);\n${code}`,
  ]);
  assert.match(interrupted!.error, /^Interrupted/);
  assert.match(watched!.text, /finished 300/);
  assert.match(gone!.error, /ended without a last word/);
  const updates = [...contents(watched!, "display_data"), ...contents(watched!, "update_display_data")];
  const bundles = updates.map((content) => content.data as Record<string, string>);
  const statuses = bundles.filter((bundle) => bundle["text/html"]).map((bundle) => bundle["text/plain"]!);
  const running = /running, epoch \d+, step \d+\/300, 15\.2 images\/s, .* left, loss \d+\.\d+, lr 5\.00e-4/;
  assert.ok(statuses.some((status) => running.test(status)));
  assert.match(statuses.find((status) => running.test(status))!, /, as of \d\d:\d\d:\d\d$/m);
  assert.match(statuses.at(-1)!, /finished, epoch 8, step 300\/300/);
  assert.match(statuses.at(-1)!, /^7 +0\.714 +1\.4 +1\.75 /m);
  const curves = bundles.filter((bundle) => bundle["image/svg+xml"]);
  const interactive = curves.filter((bundle) => bundle["application/vnd.plotly.v1+json"]);
  assert.ok(curves.length > 1, "the curve grows");
  assert.equal(interactive.length, 1);
  assert.equal(curves.at(-1), interactive[0]);
  assert.equal(contents(watched!, "display_data").length, 2, "two places, updated");
});

test("a watching cell that is run again takes over: no cell waits for a closed tab", (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, "config.json"), "{}");
  const watch = `watches++;\nconst view = await watchRun(${JSON.stringify(folder)});\nconsole.log("watch", watches, view.state);`;
  const [, , second, after] = runCells(installPath("notebooks"), [
    `import { watchRun } from "guie/dist/notebook/views/watch";
import { spawn } from "child_process";
import { writeFileSync } from "fs";
let watches = 0;`,
    `spawn(process.execPath, ${JSON.stringify([FAKE_RUN, folder, "100", "5", "finish", "wait"])}, { stdio: "ignore" });
const timer = setInterval(() => {
  if (watches < 2) return;
  clearInterval(timer);
  setTimeout(() => writeFileSync(${JSON.stringify(join(folder, "go"))}, ""), 2000);
}, 100);`,
    { sentAfter: watch, code: watch },
    `console.log(watches);`,
  ]);
  assert.equal(second!.text, "watch 2 finished\n");
  const statuses = contents(second!, "display_data").map(
    (content) => (content.data as Record<string, string>)["text/plain"],
  );
  assert.match(statuses[0]!, /: (starting|running)/);
  assert.equal(after!.text, "2\n");
});
