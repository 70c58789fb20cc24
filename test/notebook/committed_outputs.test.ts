// The outputs that are committed: what is normalised, what the check refuses, and the command that makes them.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { pathToFileURL } from "node:url";
import { installPath } from "guie/dist/common/project";
import { notebookJson } from "../browser/lab";
import { temporaryFolder, writeFile } from "../folders";

/** One output of a cell, as Jupyter saves it. */
type Output = Record<string, unknown>;

interface Cell {
  source: string;
  execution_count: number | null;
  metadata: Record<string, unknown>;
  outputs: Output[];
}

interface Notebook {
  cells: Cell[];
  metadata: { kernelspec: Record<string, string> };
}

/** Imports a script of the project. */
function script(name: string) {
  return import(pathToFileURL(installPath("scripts", name)).href);
}

function withCells(...sources: string[]): Notebook {
  return JSON.parse(notebookJson(sources));
}

function shown(data: Record<string, unknown>): Output {
  return { output_type: "display_data", metadata: {}, data };
}

function printed(text: string): Output {
  return { output_type: "stream", name: "stdout", text };
}

/** Returns the outputs of one cell after normalisation, as {data or text} with joined lines. */
async function normalised(
  outputs: Output[],
  folders: string[] = [],
  source = "1",
): Promise<Record<string, unknown>[]> {
  const { textOf, withOutputs } = await script("notebooks/outputs.mjs");
  const notebook = withCells(source);
  const executed = structuredClone(notebook);
  executed.cells[0]!.outputs = outputs;
  const { cells } = JSON.parse(withOutputs(notebook, executed, folders)) as Notebook;
  return cells[0]!.outputs.map(({ text, data }) => {
    if (data === undefined) return { text: textOf(text) };
    const entries = Object.entries(data as Record<string, unknown>);
    return Object.fromEntries(
      entries.map(([mime, value]) => [mime, mime.endsWith("json") ? value : textOf(value)]),
    );
  });
}

test("committed outputs have no dates, ages, ports, paths, scripts, pieces of streams, or lines of one run alone", async () => {
  const outputs = [
    printed("CPU: Some(R) Processor, 2 threads; TensorFlow 2.21.0\nhttp://127.0.0.1:43333 ok\n"),
    printed(
      "demo_frozen: finished before (2026-11-30 07:00 UTC), same settings and data; shown again\n/w/a/b.csv\n",
    ),
    shown({
      "text/html":
        "<div><p>finished at 2026-11-30 07:00:56 UTC, 4 h 54 min ago</p><script>(f)(1)</script></div>",
      "text/plain": "folder /w, 2026-11-30T07:00:56.123Z",
    }),
  ];
  assert.deepEqual(await normalised(outputs, ["/w"]), [
    { text: "http://127.0.0.1:PORT ok\na/b.csv\n" },
    { "text/html": "<div><p>finished at (date)</p></div>", "text/plain": "folder ., (date)" },
  ]);
});

test("a path is made relative where a table lets it break", async () => {
  const [output] = await normalised(
    [shown({ "text/html": "<td>/<wbr>w.<wbr>x/<wbr>my-<wbr>shop/<wbr>a.<wbr>csv in /w.x/my-shop</td>" })],
    ["/w.x/my-shop"],
  );
  assert.deepEqual(output, { "text/html": "<td>a.<wbr>csv in .</td>" });
});

test("a stream of which nothing is left is no output; a cell that asks for the machine shows it", async () => {
  const machine = [printed("CPU: Some(R) Processor\n")];
  assert.deepEqual(await normalised(machine, [], "console.log(guie.describeDevice())"), [
    { text: "CPU: Some(R) Processor\n" },
  ]);
  assert.deepEqual(await normalised([printed("CPU: Some(R) Processor\n")]), []);
});

test("figures keep plotly's JSON and a compact SVG: ids in order, coordinates to a hundredth, texts as they are", async () => {
  const svg = (uid: string) =>
    `<svg><defs id="defs-${uid}"><clipPath id="clip${uid}xy"/></defs><g clip-path="url(#clip${uid}xy)">` +
    `<path class="trace trace${uid}" d="M1.23456,-0.00001L2,3.5"/><text x="10.0049">0.123456</text></g></svg>`;
  const plotly = { data: [{ y: [0.123456] }], layout: {} };
  const figure = (uid: string) =>
    shown({ "application/vnd.plotly.v1+json": plotly, "image/svg+xml": svg(uid) });
  const made = await normalised([figure("08bdb2"), figure("de9704")]);
  const compact = (uid: string) =>
    `<svg><defs id="defs-${uid}"><clipPath id="clip${uid}xy"/></defs><g clip-path="url(#clip${uid}xy)">` +
    `<path d="M1.23,0L2,3.5"/><text x="10">0.123456</text></g></svg>`;
  assert.deepEqual(
    made.map((data) => data["image/svg+xml"]),
    [compact("f1"), compact("f2")],
  );
  assert.deepEqual(made[0]!["application/vnd.plotly.v1+json"], plotly);
});

test("figures of a notebook over 1.5 MB keep their SVG alone", async () => {
  const large = { data: [{ y: new Array(400_000).fill(1) }], layout: {} };
  const [figure] = await normalised([
    shown({ "application/vnd.plotly.v1+json": large, "image/svg+xml": "<svg><path/></svg>" }),
  ]);
  assert.deepEqual(figure, { "image/svg+xml": "<svg><path/></svg>" });
});

/** Returns the check's faults of a notebook with a committed output, after a change. */
async function faultsAfter(change: (notebook: Notebook, cell: Cell) => void): Promise<string[]> {
  const { notebookFaults } = await script("check/notebooks.mjs");
  const { sourceHash } = await script("notebooks/outputs.mjs");
  const notebook = withCells(`console.log("data/demo")`);
  const cell = notebook.cells[0]!;
  cell.metadata = { guie: { source: sourceHash(cell) } };
  cell.outputs = [printed("data/demo\n")];
  change(notebook, cell);
  return notebookFaults(JSON.stringify(notebook));
}

test("the check accepts a notebook that uses our kernel and holds the outputs of its sources", async () => {
  assert.deepEqual(await faultsAfter(() => {}), []);
});

const FAULTS: Record<string, [change: (notebook: Notebook, cell: Cell) => void, fault: RegExp]> = {
  "a changed source": [
    (_, cell) => {
      cell.source += " // mine";
    },
    /^cell 1 was changed after its output was made$/,
  ],
  "a cell that was never run": [
    (_, cell) => {
      cell.metadata = {};
    },
    /^cell 1 has no committed output$/,
  ],
  "an error": [
    (_, cell) => {
      cell.outputs = [{ output_type: "error", ename: "RangeError", evalue: "", traceback: [] }];
    },
    /^cell 1 shows an error$/,
  ],
  "a path of a machine in an output": [
    (_, cell) => {
      cell.outputs = [printed("wrote /tmp/shop/a.csv")];
    },
    /path of some machine: \/tmp\/shop/,
  ],
  "a path of a machine that may break": [
    (_, cell) => {
      cell.outputs = [shown({ "text/html": "<td>/<wbr>tmp/<wbr>shop/<wbr>a.<wbr>csv</td>" })];
    },
    /path of some machine: \/tmp\/shop/,
  ],
  "a path of a machine in a source": [
    ({ cells }) => {
      cells.push({ ...withCells(`"/home/me/data"`).cells[0]!, outputs: [] });
      cells[1]!.metadata = { guie: { source: "a0c1a9f9c7a8c5d1" } };
    },
    /path of some machine: \/home\/me/,
  ],
  "a date": [
    (_, cell) => {
      cell.outputs = [shown({ "text/plain": "finished at 2026-11-30 07:00 UTC" })];
    },
    /^cell 1 shows a time: 2026-11-30 07:00$/,
  ],
  "a time of day": [
    (_, cell) => {
      cell.outputs = [shown({ "text/plain": "as of 16:12:20" })];
    },
    /^cell 1 shows a time: 16:12:20$/,
  ],
  "the times of an execution": [
    (_, cell) => {
      cell.metadata.execution = { "iopub.status.busy": "" };
    },
    /^cell 1 holds the times of its execution$/,
  ],
  "an execution count": [
    (_, cell) => {
      cell.execution_count = 3;
    },
    /^cell 1 has an execution count \(3\)$/,
  ],
  "a size over 1.5 MB": [
    (_, cell) => {
      cell.outputs = [printed("x".repeat(1_500_000))];
    },
    /^it has \d+ bytes, more than 1500000$/,
  ],
  "an output of which GitHub shows nothing": [
    (_, cell) => {
      cell.outputs = [shown({ "text/html": "<div><script>draw()</script></div>", "text/plain": "A map" })];
    },
    /^cell 1 has an output of which GitHub shows nothing: A map$/,
  ],
  "a line that a window cuts": [
    (_, cell) => {
      cell.source += ` // ${"x".repeat(100)}`;
    },
    /^cell 1 has a line of 128 characters, more than 110: console/,
  ],
  "a figure that readers remove": [
    (_, cell) => {
      cell.outputs = [shown({ "text/html": "<div>words<svg><path/></svg></div>", "text/plain": "words" })];
    },
    /^cell 1 holds SVG in HTML/,
  ],
  "another kernel": [
    ({ metadata }) => {
      metadata.kernelspec.name = "tslab";
    },
    /kernelspec\.name must be "typescript", it is "tslab"/,
  ],
};

for (const [name, [change, fault]] of Object.entries(FAULTS)) {
  test(`the check refuses ${name}`, async () => {
    const faults = await faultsAfter(change);
    assert.match(faults[0] ?? "", fault);
  });
}

test("a picture's bytes are no path", async () => {
  const bytes = "A+/home/meA/tmp/x+/work/a==";
  const faults = await faultsAfter((_, cell) => {
    cell.outputs = [shown({ "text/html": `<img src="data:image/jpeg;base64,${bytes}">`, "text/plain": "a" })];
  });
  assert.deepEqual(faults, []);
});

/** Makes a folder inside the project, where lib is found. */
function folderInProject(t: TestContext): string {
  mkdirSync(installPath("runs"), { recursive: true });
  const folder = mkdtempSync(installPath("runs", "test-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

function commit(root: string, ...args: string[]) {
  return spawnSync(process.execPath, [installPath("scripts", "notebooks.mjs"), "--commit", ...args], {
    encoding: "utf8",
    env: { ...process.env, GUIE_ROOT: root },
  });
}

test("--commit writes outputs without bars and times; a second run changes nothing", async (t) => {
  const [folder, root] = [folderInProject(t), temporaryFolder(t)];
  const path = join(folder, "mine.ipynb");
  const out = join(folder, "out");
  const cells = (value: number) =>
    notebookJson([
      `import { notebookProgress } from "guie/dist/notebook/output/progress";`,
      `notebookProgress()({ stage: "hash", unit: "images", done: 3, total: 3 });`,
      `console.log("value", ${value}, new Date().toISOString());`,
    ]);
  writeFile(path, cells(1));
  const first = commit(root, path, "--out", out);
  assert.equal(first.status, 0, first.stderr);
  assert.match(
    first.stdout,
    /mine\.ipynb: \d+ KB, other outputs than before:\n {4}cell 3: nothing -> "value 1 \(date\)"\n/,
  );
  const written = readFileSync(path, "utf8");
  const { notebookFaults } = await script("check/notebooks.mjs");
  assert.deepEqual(notebookFaults(written), []);
  const notebook = JSON.parse(written) as Notebook;
  assert.deepEqual(
    notebook.cells.map(({ outputs }) => outputs.length),
    [0, 0, 1],
  );

  assert.match(commit(root, path, "--out", out).stdout, /the same outputs as before/);
  assert.equal(readFileSync(path, "utf8"), written);
});

test("changed outputs are listed by cell with the first words that differ, or as a picture", async () => {
  const { changedOutputs } = await script("notebooks/outputs.mjs");
  const [before, after] = [withCells("1", "2", "3"), withCells("1", "2", "3")];
  for (const { cells } of [before, after])
    for (const cell of cells) cell.outputs = [printed("same\nvalue 1\n")];
  assert.deepEqual(changedOutputs(before, after), []);
  after.cells[1]!.outputs = [printed("same\nvalue 2\n")];
  after.cells[2]!.outputs = [...before.cells[2]!.outputs, shown({ "image/svg+xml": "<svg/>" })];
  before.cells[2]!.outputs = [...before.cells[2]!.outputs, shown({ "image/svg+xml": "<svg></svg>" })];
  assert.deepEqual(changedOutputs(before, after), [
    'cell 2: "value 1" -> "value 2"',
    "cell 3: a picture or the form",
  ]);
});

test("--commit refuses other parameters, runs that are not the demo's, and those of the notebook that comes last", (t) => {
  const root = temporaryFolder(t);
  mkdirSync(join(root, "checkpoints", "my_run"), { recursive: true });
  mkdirSync(join(root, "checkpoints", "demo_frozen"));
  const others = commit(root, "Train");
  assert.equal(others.status, 2);
  assert.match(others.stderr, /not the demo's: my_run\. Set GUIE_ROOT/);
  rmSync(join(root, "checkpoints", "my_run"), { recursive: true });
  mkdirSync(join(root, "checkpoints", "demo_sweep"));
  const later = commit(root, "Train");
  assert.equal(later.status, 2);
  assert.match(later.stderr, /would show demo_sweep, which it makes again\. npx guie rm demo_sweep deletes/);
  const params = commit(root, "Train", "--params", `{"Train": {"run": "x"}}`);
  assert.equal(params.status, 2);
  assert.match(params.stderr, /leave out --originals and --params/);
});
