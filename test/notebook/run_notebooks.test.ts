// Running notebooks headless: parameters, failures, originals, the demo.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { pathToFileURL } from "node:url";
import { installPath } from "guie/dist/common/project";
import { overrideConfig } from "guie/dist/config/config";
import { preset } from "guie/dist/config/presets";
import { runFolder } from "guie/dist/runs/run_folder";
import { notebookJson } from "../browser/lab";
import { PIPELINE } from "../browser/workspace";
import { temporaryFolder, writeFile } from "../folders";

const COUNTING = [
  `import { params } from "guie/dist/notebook/output/params";`,
  `const { times } = params({ times: 2 });`,
  `for (let i = 0; i < times; i++) console.log("time", i);`,
];
const FAILING = [`console.log("before");`, `throw new RangeError("too far");`, `console.log("after");`];

/** Makes a folder inside the project, where lib is found. */
function folderInProject(t: TestContext): string {
  mkdirSync(installPath("runs"), { recursive: true });
  const folder = mkdtempSync(installPath("runs", "test-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

function run(...args: string[]) {
  return spawnSync(process.execPath, [installPath("scripts", "notebooks.mjs"), ...args], {
    encoding: "utf8",
  });
}

/** Returns the printed text of each code cell of an executed notebook. */
function printed(path: string): string[] {
  const { cells } = JSON.parse(readFileSync(path, "utf8")) as {
    cells: { outputs: { output_type: string; text?: string[] }[] }[];
  };
  return cells.map(({ outputs }) => outputs.flatMap((output) => output.text ?? []).join(""));
}

test("notebooks run in order with their parameters; the first failure ends the run, is reported, and outputs are kept", (t) => {
  const folder = folderInProject(t);
  const paths = ["counting", "failing", "never"].map((name) => join(folder, `${name}.ipynb`));
  writeFile(paths[0]!, notebookJson(COUNTING));
  writeFile(paths[1]!, notebookJson(FAILING));
  writeFile(paths[2]!, notebookJson(COUNTING));
  const out = join(folder, "out");
  const { status, stdout, stderr } = run(...paths, "--out", out, "--params", `{"counting": {"times": 3}}`);
  assert.equal(status, 1, stderr);
  assert.match(stdout, /^counting \.\.\.\ncounting: \d+ s\nfailing \.\.\.\nfailing: failed after \d+ s\n$/);
  assert.match(
    stderr,
    /^failing: code cell 2 of 3 failed:\n {4}throw new RangeError\("too far"\);\n[\s\S]*RangeError: too far/,
  );
  assert.match(stderr, /Not run: never\.\n$/);
  assert.match(printed(join(out, "counting.ipynb"))[2]!, /^time 0\ntime 1\ntime 2\n$/);
  assert.deepEqual(printed(join(out, "failing.ipynb")), ["before\n", "", ""]);
  assert.equal(existsSync(join(out, "never.ipynb")), false);
});

test("wrong calls are refused before anything runs", () => {
  const calls: [string[], RegExp][] = [
    [["Nothing"], /there is no notebook Nothing; notebooks\/ has: .*Train/],
    [["Train", "--params", `{"Tran": {}}`], /"Tran", which is not run/],
    [["Train", "--params", "seed=1"], /--params is not JSON/],
    [["Train", "--timeout-s", "soon"], /--timeout-s must be a number/],
    [["--fast"], /Unknown option '--fast'/],
  ];
  for (const [args, message] of calls) {
    const { status, stderr } = run(...args);
    assert.equal(status, 2);
    assert.match(stderr, message);
  }
});

/** Makes a workspace of scripts, notebooks and the library, without git. */
function workspace(t: TestContext): string {
  const folder = temporaryFolder(t);
  for (const name of ["scripts", "notebooks"])
    cpSync(installPath(name), join(folder, name), { recursive: true });
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(installPath("lib"), join(folder, "node_modules/guie"));
  return folder;
}

function runIn(folder: string, script: string, ...args: string[]) {
  return spawnSync(process.execPath, [join(folder, script), ...args], { encoding: "utf8" });
}

test("an edited notebook is reported by its cells, and its original is restored next to it, without git", async (t) => {
  const folder = workspace(t);
  const { changedCells } = await import(pathToFileURL(join(folder, "scripts/originals.mjs")).href);
  const path = join(folder, "notebooks/Train.ipynb");
  const original = readFileSync(path, "utf8");
  const check = () => runIn(folder, "scripts/check/notebooks.mjs");
  assert.deepEqual([changedCells("Train"), check().status], [[], 0]);

  const notebook = JSON.parse(original);
  notebook.cells[0].metadata = { collapsed: true };
  writeFile(path, JSON.stringify(notebook));
  assert.deepEqual(changedCells("Train"), [], "JupyterLab has saved it, nobody has edited it");
  notebook.cells[3].source.push("\n// mine");
  const edited = JSON.stringify(notebook);
  writeFile(path, edited);
  assert.deepEqual(changedCells("Train"), [4]);
  const { status, stderr } = check();
  assert.equal(status, 1);
  assert.match(stderr, /Train\.ipynb is not scripts\/originals\/Train\.ipynb[\s\S]*--restore Train/);

  const restore = () => runIn(folder, "scripts/notebooks.mjs", "--restore", "Train");
  assert.match(
    restore().stdout,
    /Train\.ipynb is the project's own again; the edited one is notebooks\/Train\.edited\.ipynb/,
  );
  assert.equal(readFileSync(path, "utf8"), original);
  const aside = join(folder, "notebooks/Train.edited.ipynb");
  assert.equal(readFileSync(aside, "utf8"), edited);
  assert.equal(check().status, 0, "notebooks that were set aside are not checked");
  writeFile(path, "other work");
  restore();
  assert.equal(readFileSync(join(folder, "notebooks/Train.edited-2.ipynb"), "utf8"), "other work");
  assert.equal(readFileSync(aside, "utf8"), edited, "notebooks that were set aside are not overwritten");
  rmSync(path);
  assert.match(
    runIn(folder, "scripts/notebooks.mjs", "Train").stderr,
    /no notebook Train; .*--restore Train brings it back/,
  );
  restore();
  assert.equal(readFileSync(path, "utf8"), original);
  assert.match(
    runIn(folder, "scripts/notebooks.mjs", "--restore", "Trian").stderr,
    /has no notebook Trian; it has: Quick_Start, Get_Data/,
  );
});

/**
 * Replaces Jupyter by a script that records notebooks and parameters.
 * @returns the records
 */
function fakeJupyter(folder: string): () => { path: string; params: string }[] {
  const calls = join(folder, "calls");
  const command = join(folder, ".venv/bin/jupyter-nbconvert");
  writeFile(
    command,
    `#!${process.execPath}
const { appendFileSync, writeFileSync } = require("node:fs");
const after = (option) => process.argv[process.argv.indexOf(option) + 1];
const call = { path: process.argv.at(-1), params: process.env.GUIE_PARAMS };
appendFileSync(${JSON.stringify(calls)}, JSON.stringify(call) + "\\n");
writeFileSync(after("--output-dir") + "/" + after("--output"), '{"cells": []}');
`,
  );
  chmodSync(command, 0o755);
  return () => {
    const lines = existsSync(calls) ? readFileSync(calls, "utf8").trim().split("\n") : [];
    return lines.map((line) => JSON.parse(line));
  };
}

test("the originals run whatever is in notebooks/; an edited notebook is reported", (t) => {
  const folder = workspace(t);
  const calls = fakeJupyter(folder);
  const path = join(folder, "notebooks/Train.ipynb");
  writeFile(path, readFileSync(path, "utf8").replace("overrides: {}", "overrides: { margin: 0.2 }"));
  const own = runIn(folder, "scripts/notebooks.mjs", "Train", "--out", folder);
  assert.match(
    own.stdout,
    /notebooks\/Train\.ipynb is run as you have edited it: cell 4\. .*--restore Train/,
  );
  const originals = runIn(
    folder,
    "scripts/notebooks.mjs",
    "Train",
    "--originals",
    "--out",
    join(folder, "out"),
  );
  assert.doesNotMatch(originals.stdout, /edited/);
  const paths = [path, join(folder, "scripts/originals/Train.ipynb")];
  assert.deepEqual(
    calls(),
    paths.map((path) => ({ path, params: "{}" })),
  );
});

test("the demo runs the originals with its own parameters, and first refuses a run with other settings", (t) => {
  const folder = workspace(t);
  const calls = fakeJupyter(folder);
  const run = `test-demo-${process.pid}`;
  const others = runFolder(`${run}_frozen`);
  t.after(() => rmSync(others, { recursive: true, force: true }));
  writeFile(join(folder, "scripts/setup.mjs"), "");
  writeFile(
    join(folder, "lib/bin/guie.js"),
    `const scores = Object.fromEntries(["pixels", "backbone", "${run}_frozen", "${run}_fine_tune"].map((name) => [name, 0.5]));
console.log(JSON.stringify({ mp5: scores, r1: scores }));`,
  );
  for (const name of readdirSync(join(folder, "notebooks"))) writeFile(join(folder, "notebooks", name), "{}");
  const demo = () => runIn(folder, "scripts/demo.mjs", "--run", run);

  const config = overrideConfig(preset("demo", "frozen"), { runName: `${run}_frozen`, margin: 0.2 });
  writeFile(join(others, "config.json"), JSON.stringify(config));
  const refused = demo();
  assert.equal(refused.status, 1);
  assert.match(
    refused.stderr,
    /other settings than the demo's: margin 0\.2 -> 0\.4[\s\S]*Next: npm run demo -- --run/,
  );
  assert.deepEqual(calls(), [], "nothing is run before");

  rmSync(others, { recursive: true });
  const { status, stderr } = demo();
  assert.equal(status, 0, stderr);
  const run6 = calls();
  assert.deepEqual(
    run6.map(({ path }) => path),
    PIPELINE.map((name) => join(folder, "scripts/originals", `${name}.ipynb`)),
  );
  const [getData, , , model, train, inference] = run6.map(({ params }) => JSON.parse(params));
  assert.deepEqual(getData, { dataDir: "data/demo", seed: 999 });
  assert.equal(model.model, "dinov2-vit-s-14");
  assert.deepEqual(train, { overrides: { dataDir: "data/demo", seed: 999 }, preset: "demo", run });
  assert.deepEqual(inference, { dataDir: "data/demo", run });
  for (const { path, params } of run6) {
    const text = readFileSync(path, "utf8");
    for (const name of Object.keys(JSON.parse(params))) assert.match(text, new RegExp(`"  ${name}: `), path);
  }
  assert.deepEqual(Object.keys(JSON.parse(readFileSync(join(folder, "runs/demo/report.json"), "utf8")).mp5), [
    "pixels",
    "backbone",
    "frozen",
    "fine_tuned",
  ]);
});
