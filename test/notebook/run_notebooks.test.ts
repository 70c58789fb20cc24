import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { pathToFileURL } from "node:url";
import { projectPath } from "guie/dist/common/project";
import { notebookJson } from "../browser/lab";
import { writeFile } from "../folders";

const COUNTING = [
  `import { params } from "guie/dist/notebook/params";`,
  `const { times } = params({ times: 2 });`,
  `for (let i = 0; i < times; i++) console.log("time", i);`,
];
const FAILING = [`console.log("before");`, `throw new RangeError("too far");`, `console.log("after");`];

/** A folder inside the project, where lib is found. */
function folderInProject(t: TestContext): string {
  mkdirSync(projectPath("runs"), { recursive: true });
  const folder = mkdtempSync(projectPath("runs", "test-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

function run(...args: string[]) {
  return spawnSync(process.execPath, [projectPath("scripts", "notebooks.mjs"), ...args], {
    encoding: "utf8",
  });
}

/** The printed text of each code cell of an executed notebook. */
function printed(path: string): string[] {
  const { cells } = JSON.parse(readFileSync(path, "utf8")) as {
    cells: { outputs: { output_type: string; text?: string[] }[] }[];
  };
  return cells.map(({ outputs }) => outputs.flatMap((output) => output.text ?? []).join(""));
}

test("notebooks run in their order with their parameters; the first failure ends it, named, with its outputs kept", (t) => {
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

test("a notebook is clean when it is on our kernel, without counts, machine paths and large outputs", async () => {
  const { notebookFaults } = await import(pathToFileURL(projectPath("scripts/check/notebooks.mjs")).href);
  const clean = JSON.parse(notebookJson([`const path = "data/demo";`]));
  const faultsOf = (change: (notebook: typeof clean) => void): string[] => {
    const notebook = structuredClone(clean);
    change(notebook);
    return notebookFaults(JSON.stringify(notebook));
  };
  assert.deepEqual(
    faultsOf(() => {}),
    [],
  );
  assert.match(
    faultsOf(({ cells }) => {
      cells[0].execution_count = 3;
    })[0]!,
    /cell 1 has an execution count \(3\)/,
  );
  assert.match(
    faultsOf(({ cells }) => {
      cells[0].source = `"/home/me/data"`;
    })[0]!,
    /path of some machine: \/home\/me/,
  );
  assert.match(
    faultsOf(({ metadata }) => {
      metadata.kernelspec.name = "tslab";
    })[0]!,
    /kernelspec\.name must be "typescript", it is "tslab"/,
  );
  const output = (text: string) => [{ output_type: "stream", name: "stdout", text }];
  assert.deepEqual(
    faultsOf(({ cells }) => {
      cells[0].outputs = output("small");
    }),
    [],
  );
  assert.match(
    faultsOf(({ cells }) => {
      cells[0].outputs = output("x".repeat(30_000));
    })[0]!,
    /outputs of \d+ bytes, more than 20000/,
  );
  assert.match(
    faultsOf(({ cells }) => {
      cells[0].outputs = output("x".repeat(400_000));
    })[0]!,
    /it has \d+ bytes, more than 300000/,
  );
});
