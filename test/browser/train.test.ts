// Train in JupyterLab as a person uses it: numbers changed, cells out of order, Interrupt, restart, a tab closed; tries.
import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { type ConfigOverrides, overrideConfig } from "guie/dist/config/config";
import { preset } from "guie/dist/config/presets";
import type { Page } from "playwright-core";
import { writeFile } from "../folders";
import { makeTinyData } from "../training/tiny_data";
import { cellSelector, openCells, outputSelector, savePicture } from "./cells";
import {
  type Lab,
  notebookJson,
  openNotebook,
  runAllCells,
  skipWithoutChromium,
  startLab,
  waitUntilIdle,
} from "./lab";
import { makeWorkspace } from "./workspace";

const skip = skipWithoutChromium;
const TIMEOUT_MS = 90_000;

let workspace: ReturnType<typeof makeWorkspace>;
let lab: Lab;
let page: Page;
let dataDir: string;

before(async () => {
  if (skip) return;
  dataDir = await makeTinyData();
  workspace = makeWorkspace();
  lab = await startLab({ root: workspace.root, heightPx: 1500 });
  ({ page } = lab);
});

after(async () => {
  await lab?.stop();
  workspace?.remove();
  if (dataDir) rmSync(dataDir, { recursive: true });
});

/** Returns the code of cells of the notebook Train, by their ids. */
function codeOf(...ids: string[]): string[] {
  const { cells } = JSON.parse(readFileSync(installPath("notebooks", "Train.ipynb"), "utf8"));
  return ids.map((id) => {
    const { source } = cells.find((cell: { id: string }) => cell.id === id);
    return [source].flat().join("");
  });
}

/** Returns Train's cell of parameters with some of them typed in. */
function paramsCell(values: Record<string, unknown>): string {
  return Object.entries(values).reduce((code, [name, value]) => {
    const line = new RegExp(`^ {2}${name}: .*,$`, "m");
    assert.match(code, line);
    return code.replace(line, `  ${name}: ${JSON.stringify(value)},`);
  }, codeOf("cell-04")[0]!);
}

/** Opens a notebook of Train's cells: import, parameters, the run of stage 1, the run of stage 2. */
async function openTrain(name: string, params: Record<string, unknown>): Promise<void> {
  const [load, frozen, fineTune] = codeOf("cell-02", "cell-13", "cell-17") as [string, string, string];
  writeFile(
    join(workspace.root, "notebooks", name),
    notebookJson([load, paramsCell(params), frozen, fineTune]),
  );
  await openNotebook(page, `notebooks/${name}`);
}

/** Any preset on a tower of a few thousand weights, a few steps. */
const SMALL = {
  ...{ tower: "tiny", weights: "random", imageSize: 28, lastBlocks: 2, embeddingDim: 8 },
  ...{ batchSize: 8, maxStepsPerEpoch: 3, numWorkers: 2, cpktSteps: 0 },
};

const [PARAMS, STAGE_1, STAGE_2] = [1, 2, 3];

/** Replaces a cell's code and selects the cell. */
async function typeCell(cell: number, code: string): Promise<void> {
  await page.locator(`${cellSelector(cell)} .cm-content`).click();
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText(code);
}

async function runCell(cell: number): Promise<void> {
  await page.locator(`${cellSelector(cell)} .cm-content`).click();
  await page.keyboard.press("Control+Enter");
}

async function waitForText(cell: number, words: string | RegExp): Promise<string> {
  const place = page.locator(outputSelector(cell)).filter({ hasText: words });
  await place.waitFor({ timeout: TIMEOUT_MS });
  return place.innerText();
}

/** Runs all cells and waits for their end. */
async function runAll(): Promise<void> {
  await runAllCells(page);
  await page.waitForTimeout(500);
  await waitUntilIdle(page);
}

const runFolder = (name: string) => join(workspace.root, "checkpoints", name);

test("a changed number never shows the old run's numbers: a typed name is refused, without one the run is a new one", {
  skip,
}, async () => {
  await openTrain("margin.ipynb", { preset: "tiny", overrides: { dataDir }, run: "mine" });
  await runAll();
  await waitForText(STAGE_1, /mine_frozen: finished.*[\s\S]*margin 0\.3,/);
  await typeCell(PARAMS, paramsCell({ preset: "tiny", overrides: { dataDir, margin: 0.2 }, run: "mine" }));
  await runAll();
  const refused = await waitForText(STAGE_1, "holds a run with other settings: margin 0.3 -> 0.2");
  assert.match(
    refused,
    /Give the run another name .*without one it is called tiny_dataDir\S+_margin0\.2_frozen/,
  );
  assert.doesNotMatch(refused, /mP@5/, "no number of the old run");
  assert.equal(await page.locator(outputSelector(STAGE_2)).innerText(), "", "the cells below are empty");
  await savePicture(page, "train_refused");

  await typeCell(PARAMS, paramsCell({ preset: "tiny", overrides: { dataDir, margin: 0.2 } }));
  await runAll();
  const trained = await waitForText(STAGE_1, /_margin0\.2_frozen: finished/);
  assert.match(trained, /margin 0\.2 \(preset: 0\.3\)/);
  assert.doesNotMatch(trained, /finished before/);
  await runAll();
  await waitForText(STAGE_1, /finished before \(.* UTC\), same settings and data; shown again/);
  await waitForText(STAGE_2, /finished before \(.* UTC\), same settings and data; shown again/);
  await savePicture(page, "train_again");

  // Another preset: its own margin and scale, not those of the one before
  await typeCell(PARAMS, paramsCell({ preset: "vit_224_scored", overrides: { ...SMALL, dataDir } }));
  await runAll();
  const scored = await waitForText(STAGE_2, /vit_224_scored_\S+_fine_tune: finished/);
  assert.match(scored, /s 30, margin 0\.1,/);
});

test("cells out of order say what is missing, and show whose numbers they are", { skip }, async () => {
  const params = (margin: number) =>
    paramsCell({ preset: "demo", overrides: { ...SMALL, dataDir, margin }, run: "order" });
  await openTrain("order.ipynb", {
    preset: "demo",
    overrides: { ...SMALL, dataDir, margin: 0.6 },
    run: "order",
  });
  await runCell(0);
  await runCell(PARAMS);
  await runCell(STAGE_2);
  await waitForText(
    STAGE_2,
    /failed: Expected a checkpoint of a run, got "order_frozen": there is no such run/,
  );
  await runCell(STAGE_1);
  await waitForText(STAGE_1, /order_frozen: finished/);
  // Typed, but not run: what is shown belongs to the parameters that were run, and says so
  await typeCell(PARAMS, params(0.7));
  await runCell(STAGE_1);
  assert.match(await waitForText(STAGE_1, "shown again"), /margin 0\.6 \(preset: 0\.4\)/);
});

test("Interrupt, a kernel's restart and a closed tab end the watching, not the run: the cell again goes on", {
  skip,
}, async () => {
  const long = { maxStepsPerEpoch: 0, nEpochs: 2000, cpktSteps: 100 };
  await openTrain("watch.ipynb", { preset: "tiny", overrides: { dataDir }, fineTune: long, run: "long" });
  await runAllCells(page);
  await waitForText(STAGE_2, /long_fine_tune: running, .*step \d+\/\d+/);
  await page.getByRole("button", { name: "Interrupt the kernel" }).click();
  await waitForText(STAGE_2, "Interrupted");
  await waitUntilIdle(page);
  await runCell(STAGE_2);
  await waitForText(STAGE_2, "already under way, with the same settings and data; attached to it");
  await waitForText(STAGE_2, /long_fine_tune: running, .*step \d+\/\d+/);

  await page.getByRole("menuitem", { name: "Kernel", exact: true }).click();
  await page.getByText("Restart Kernel and Run All Cells…", { exact: true }).click();
  await page.locator(".jp-Dialog .jp-mod-accept").click();
  await waitForText(STAGE_1, /finished before/);
  await waitForText(STAGE_2, "attached to it");
  await waitForText(STAGE_2, /long_fine_tune: running, .*step \d+\/\d+/);
  await savePicture(page, "train_attached");

  await page.keyboard.press("Control+s");
  await page.waitForTimeout(1000);
  const url = page.url();
  const other = await page.context().newPage();
  await page.close();
  page = other;
  await page.goto(url);
  await page.locator(".jp-Notebook .jp-Cell").first().waitFor();
  await page.locator(outputSelector(STAGE_2)).waitFor();
  await runCell(STAGE_2); // takes over from the cell whose tab was closed
  await waitForText(STAGE_2, /long_fine_tune: running, .*step \d+\/\d+/);
  await page.getByRole("button", { name: "Interrupt the kernel" }).click();
  await waitUntilIdle(page);
  await typeCell(0, `import * as guie from "guie";\nguie.attachRun("long_fine_tune").stop();`);
  await runCell(0);
  const end = () =>
    readFileSync(join(runFolder("long_fine_tune"), "metrics.jsonl"), "utf8")
      .trim()
      .split("\n")
      .at(-1)!;
  for (let i = 0; i < 300 && !end().includes('"end"'); i++) await page.waitForTimeout(200);
  assert.equal(JSON.parse(end()).reason, "stopped");
});

/** Writes the folder of a run that has ended. */
function writeRun(
  name: string,
  end: "finished" | "stopped",
  mp5: number,
  overrides: ConfigOverrides = {},
): void {
  const config = overrideConfig(preset("tiny", "frozen"), { runName: name, ...overrides });
  const at = { epoch: 1, step: 8 };
  const intervals = { mp5: { low: mp5 - 0.1, high: mp5 + 0.1 }, r1: { low: 0, high: 1 } };
  const metrics = [
    { kind: "retrieval", ...at, queries: 6, mp5, r1: 0.5, intervals },
    { kind: "end", reason: end, elapsedSeconds: 1 },
  ];
  const files = { "config.json": config, "last.safetensors": {}, "metrics.jsonl": metrics };
  for (const [file, content] of Object.entries(files)) {
    const lines = [content].flat().map((line) => `${JSON.stringify(line)}\n`);
    writeFile(join(runFolder(name), file), lines.join(""));
  }
}

test("the table of tries deletes what is ticked after it has asked; a run that another needs stays", {
  skip,
}, async () => {
  writeRun("try_start", "finished", 0.3);
  writeRun("try_next", "stopped", 0.6, { initFrom: "try_start", margin: 0.2, s: 30 });
  writeRun("try_old", "finished", 0.5);
  await openCells(page, workspace.root, "tries.ipynb", [
    `import * as guie from "guie";`,
    ...codeOf("cell-19"),
  ]);
  const table = page.locator(`${outputSelector(1)} .guie-tries`);
  await table.waitFor({ timeout: TIMEOUT_MS });
  await savePicture(page, "tries");
  const row = (name: string) => table.locator("tbody tr", { hasText: name });
  assert.match(
    await row("try_next").innerText(),
    /0\.600\s+\[0\.500, 0\.700\][\s\S]*tiny: s 30, margin 0\.2/,
  );
  const said = table.locator(".said");
  const remove = async (...names: string[]) => {
    for (const name of names) await row(name).locator("input").click();
    await table.getByText("Delete the ticked").click();
  };
  const yes = table.getByText("Yes, delete");
  assert.ok(!(await yes.isVisible()), "it has not asked yet");
  await remove("try_start");
  await said.filter({ hasText: "try_start is needed by try_next, which has not finished." }).waitFor();
  await row("try_start").locator("input").click();
  await remove("try_old");
  await said.filter({ hasText: /^Delete try_old \([\d.]+ [KM]B\)\?$/ }).waitFor();
  assert.ok(existsSync(runFolder("try_old")), "it asks first");
  await yes.click();
  await said.filter({ hasText: /try_old: deleted, [\d.]+ [KM]B freed/ }).waitFor();
  assert.equal(await row("try_old").count(), 0);
  assert.deepEqual(["try_old", "try_start"].map(runFolder).map(existsSync), [false, true]);
  await table.locator("th", { hasText: "mP@5" }).first().click();
  const scores = await table.locator("tbody tr td:nth-child(3)").allInnerTexts();
  const known = scores.filter(Boolean).map(Number);
  assert.ok(known.length >= 2);
  assert.deepEqual(
    known,
    known.toSorted((a, b) => b - a),
  );
});
