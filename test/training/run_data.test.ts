// Runs after a change of their data: old results are not shown as new, and no label means another class.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { installPath } from "guie/dist/common/project";
import type { TrainConfig } from "guie/dist/config/config";
import { makeSoup } from "guie/dist/experiments/soup";
import { planSweep, runSweep, sweepNotes } from "guie/dist/experiments/sweep";
import { openSafetensors } from "guie/dist/formats/safetensors";
import { baselineText } from "guie/dist/runs/baseline";
import { viewRun } from "guie/dist/runs/follow";
import { readMetrics, runFile, runFolder } from "guie/dist/runs/run_folder";
import { readNote } from "guie/dist/runs/run_note";
import { scoredOnLine } from "guie/dist/runs/run_status";
import { summarise } from "guie/dist/runs/run_summary";
import { prepareRunFolder } from "guie/dist/runs/start_folder";
import { attachRun, startRun } from "guie/dist/training/launcher";
import { runTraining } from "guie/dist/training/run";
import { guie } from "../in_process";
import { TinyRuns } from "./tiny_runs";

const runs = new TinyRuns("data", { maxStepsPerEpoch: 2, nEpochs: 1 });
const TABLE = "final_data_224_sample_balance_fold.csv";
const NAMES = ["red", "green", "blue", "yellow", "cyan", "pink"];
let rows: string[];

before(async () => {
  await runs.start();
  rows = readFileSync(join(runs.dataDir, TABLE), "utf8").trim().split("\n").slice(1);
});
beforeEach(() => useTable(NAMES));
after(() => runs.end());

/** Writes a table with the classes in this order; other classes are left out. */
function useTable(names: readonly string[], named = true): void {
  const kept = rows.flatMap((row) => {
    const [file, label, dataset, fold] = row.split(",");
    const number = names.indexOf(NAMES[Number(label)]!);
    return number < 0 ? [] : [{ number, line: [file, number, dataset, fold].join() }];
  });
  const lines = kept.sort((a, b) => a.number - b.number).map(({ line }) => line);
  writeFileSync(join(runs.dataDir, TABLE), `new_image_files,new_labels,dataset,fold\n${lines.join("\n")}\n`);
  const classes = join(runs.dataDir, "final_data_224_classes.csv");
  rmSync(classes, { force: true });
  const ofNames = names.map((name, label) => `${label},tiny,${label},${name}\n`);
  if (named) writeFileSync(classes, `new_labels,dataset,labels,class_name\n${ofNames.join("")}`);
}

const frozen = (name: string, overrides: Partial<TrainConfig> = {}) => runs.config(name, overrides, "frozen");

async function train(name: string, overrides: Partial<TrainConfig> = {}) {
  return runTraining(prepareRunFolder(frozen(name, overrides)));
}

function head(folder: string): Float32Array[] {
  const file = openSafetensors(runFile(folder, "last"));
  const values = file.read("head.weight");
  file.close();
  const length = values.length / (file.tensors.get("head.weight")!.shape[0] as number);
  return Array.from({ length: values.length / length }, (_, i) => values.slice(i * length, (i + 1) * length));
}

test("a finished run is shown again with the same data; with another table it is refused with the differences", async () => {
  const config = frozen("again");
  const folder = prepareRunFolder(config);
  assert.equal((await runTraining(folder)).finishedBefore, undefined);
  utimesSync(join(runs.dataDir, TABLE), 0, 0);
  assert.match((await train("again")).finishedBefore!, /^\d{4}-\d\d-\d\d \d\d:\d\d UTC$/);
  assert.match(startRun(config).note!, /finished before \(.*\), same settings and data; shown again/);
  useTable(["red", "green", "blue", "yellow", "cyan"]);
  const other = /of other data: the training table has changed: 36 rows, now 30; classes removed: pink/;
  assert.throws(() => prepareRunFolder(config), other);
  await assert.rejects(runTraining(folder), other);
  assert.throws(() => startRun(config), /other data[\s\S]*the parameter `run`[\s\S]*overwrite: true/);
  assert.doesNotMatch(
    messageOf(() => startRun(config)),
    /--/,
    "in a notebook's words",
  );
  const { status, stderr } = await guie("train", "--resume", folder);
  assert.equal(status, 1);
  assert.match(stderr, /classes removed: pink[\s\S]*npx guie evaluate /);

  rmSync(join(folder, "made_of.json"));
  const { stdout } = await guie("train", "--resume", folder);
  assert.match(stdout, /same settings, made before runs noted their data; shown again/);
});

function messageOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return String(error);
  }
  return "";
}

test("a sweep with another table is refused in the caller's words; with the same it says what had finished", async () => {
  const name = runs.name("sweep");
  const sweep = () => planSweep(frozen("swept", { holdOutShare: 0.34 }), { margin: [0.1, 0.3] }, name);
  const first = sweep();
  await runSweep(first);
  assert.match(
    sweepNotes(first).join("\n"),
    /^scored on \d+ queries of 2 training classes that were held out to choose by, .* \([0-9a-f]{8}\): a score on fewer than 5 classes means little, cross-validate\nno training: backbone mP@5 [\d.]+, whitened [\d.]+(\n\d of 2 runs are worse than no training)?$/,
  );
  const again = sweep();
  await runSweep(again);
  assert.match(sweepNotes(again).at(-1)!, /^2 of 2 runs had finished before, same settings and data$/);
  const note = readNote(again[0]!.folder)!;
  assert.equal(note.learned!.length, 4);
  assert.equal(note.heldOut, undefined);
  useTable(["red", "green", "blue", "yellow", "pink", "cyan"]);
  await assert.rejects(runSweep(sweep(), { advice: "Ask otherwise." }), /other numbers[\s\S]*Ask otherwise/);
});

test("a run that failed before its first checkpoint is replaced by another", async () => {
  const missing = frozen("failed", { csv: "none.csv" });
  await assert.rejects(runTraining(prepareRunFolder(missing)), /none\.csv/);
  const folder = prepareRunFolder(frozen("failed", { margin: 0.1 }));
  assert.equal((await runTraining(folder)).reason, "finished");
  assert.equal(readMetrics(folder).filter(({ kind }) => kind === "end").length, 1);
  assert.throws(() => prepareRunFolder(missing), /margin 0\.1 -> /);
});

test("a head is reused by class names; classes that it has not learned are refused", async () => {
  const { folder } = await train("named");
  const still = { initFrom: runs.name("named"), initLr: 1e-30, weightDecay: 0 };
  const order = ["pink", "blue", "red", "cyan"];
  useTable(order);
  const mapped = head((await train("mapped", still)).folder);
  const rowsOf = head(folder);
  for (const [i, name] of order.entries()) {
    const expected = rowsOf[NAMES.indexOf(name)]!;
    assert.ok(
      mapped[i]!.every((value, j) => Math.abs(value - expected[j]!) < 1e-6),
      name,
    );
  }
  useTable(NAMES);
  await assert.rejects(
    train("unknown", { ...still, initFrom: runs.name("mapped") }),
    /knows 4 classes, the training table has 6: it has not learned green, yellow\.[\s\S]*--reinit-head/,
  );
  const fresh = await train("fresh", { ...still, initFrom: runs.name("mapped"), reinitHead: true });
  const before = new Set(readNote(fresh.folder)!.learnedBefore);
  assert.deepEqual(before, new Set(NAMES.map((name) => `tiny/${name}`)), "along the whole chain of starts");
  useTable([...NAMES].reverse(), false);
  await assert.rejects(
    train("unnamed", still),
    /another table .* no table of class names[\s\S]*--reinit-head/,
  );
});

test("a soup of heads with different classes is refused, even if their number is the same", async () => {
  await train("soup_a");
  useTable([...NAMES].reverse());
  await train("soup_b");
  const out = runs.name("soup");
  await assert.rejects(
    makeSoup([runs.name("soup_a"), runs.name("soup_b")], out),
    /rows of their heads are other classes \(the same classes under other numbers\)/,
  );
  assert.equal(existsSync(runFile(runFolder(out), "config")), false);
  const { folder } = await makeSoup([runs.name("soup_b"), `${runs.name("soup_b")}/best`], out, {
    overwrite: true,
  });
  assert.deepEqual(readNote(folder)!.classes, readNote(runFolder(runs.name("soup_b")))!.classes);
});

test("scores of trained classes get a star and their number, scores of old runs a question mark", async () => {
  const { retrieval } = await train("starred");
  const { on } = retrieval!;
  assert.deepEqual([on!.queries, on!.classes, on!.trainedOn], [6, 6, 6]);
  const [name, old] = [runs.name("starred"), runs.name("old")];
  cpSync(runFolder(name), runFolder(old), { recursive: true });
  rmSync(join(runFolder(old), "made_of.json"));
  const evaluate = async (...args: string[]) =>
    (await guie("evaluate", "--config-name", "tiny", "--data-dir", runs.dataDir, ...args)).stdout;
  const ladder = await evaluate(name, old);
  const lines = [
    "whitened +[\\d.]+\\* [\\d.]+\\*", // the queries are training images here: it was fitted to them
    "lda +[\\d.]+\\* [\\d.]+\\*",
    `${name} +[\\d.]+\\* [\\d.]+\\*`,
    `${old} +[\\d.]+\\? [\\d.]+\\?`,
    "6 queries of 6 held-out classes, .* \\([0-9a-f]{8}\\)",
    `\\* whitened, lda, ${name}: 6 of 6 classes were trained on`,
    `\\? ${old}: whether it was trained on these classes is not known \\(made before runs noted their data.*`,
  ];
  assert.match(ladder, new RegExp(`\\n${lines.join("\\n")}\\n$`));
  assert.match(
    await evaluate("--compare", "pixels", name),
    / trained on *\n[\s\S]*6 queries of 6 held-out classes/,
  );
  assert.match(scoredOnLine(viewRun(name)), /R@1: 6 queries .*; 6 of 6 classes were trained on/);
});

test("a baseline scored on other queries is left out with the reason; a finished run with a changed start is refused", async () => {
  await train("base");
  const initFrom = runs.name("base");
  const same = await train("same", { initFrom });
  assert.match(baselineText(same.baseline), /^baseline .*base: mP@5 /);
  const index = join(runs.dataDir, "retrieval/index.csv");
  const text = readFileSync(index, "utf8");
  try {
    writeFileSync(index, text.trim().split("\n").slice(0, -1).join("\n"));
    const other = await train("other", { initFrom });
    assert.equal(other.baseline!.mp5, undefined);
    assert.match(
      baselineText(other.baseline),
      /left out, scored on other queries: 6 queries of 6 held-out classes/,
    );
    assert.equal(summarise(other.folder).baseline!.mp5, undefined);
  } finally {
    writeFileSync(index, text);
  }
  rmSync(runFolder(initFrom), { recursive: true });
  await train("base", { seed: 5 });
  await assert.rejects(train("same", { initFrom }), /started from .*base as it was then[\s\S]*--overwrite/);
});

test("--resume --reinit-head with other classes notes them, and what was learned before", async () => {
  const config = runs.config("resumed", { nEpochs: 2, maxStepsPerEpoch: 2 }, "frozen");
  const folder = prepareRunFolder(config);
  await runTraining(folder);
  const lines = readFileSync(runFile(folder, "metrics"), "utf8").trim().split("\n").slice(0, -1);
  writeFileSync(runFile(folder, "metrics"), `${lines.join("\n")}\n`); // as after a kill
  useTable(["red", "green", "blue", "yellow", "cyan"]);
  await assert.rejects(runTraining(folder), /classes removed: pink[\s\S]*--reinit-head/);
  await runTraining(folder, { reinitHead: true });
  const { classes, learnedBefore } = readNote(folder)!;
  assert.deepEqual([classes!.length, learnedBefore!.includes("tiny/pink")], [5, true]);
});

test("startRun attaches to the same run while it is under way, and refuses another in a notebook's words", async (t) => {
  const config = runs.config("live", { nEpochs: 500, maxStepsPerEpoch: 3 });
  const folder = prepareRunFolder(config);
  const child = spawn(process.execPath, [installPath("lib/bin/guie.js"), "train", "--run-dir", folder], {
    stdio: "ignore",
  });
  const closed = once(child, "close");
  t.after(() => child.kill("SIGKILL"));
  while (!existsSync(runFile(folder, "last"))) await new Promise((resolve) => setTimeout(resolve, 50));
  const run = startRun(config);
  assert.match(run.note!, /already under way, with the same settings and data; attached to it/);
  const other = { ...config, margin: 0.1 };
  assert.throws(() => startRun(other), /margin 0\.3 -> 0\.1[\s\S]*attachRun\(".*"\)\.stop\(\)/);
  assert.throws(() => startRun(config, { overwrite: true }), /under way: it is not replaced/);
  useTable(["red", "green"]);
  assert.throws(() => startRun(config), /classes removed: blue, yellow, cyan, pink/);
  attachRun(folder).stop();
  await closed;
});
