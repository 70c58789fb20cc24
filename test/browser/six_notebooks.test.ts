// Runs the six notebooks and Experiments as people use them: in JupyterLab on a temporary workspace, each one on the results of those
// before it. Screenshots go to runs/screenshots/.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import {
  addCell,
  isRunning,
  type Lab,
  openNotebook,
  runAllCells,
  skipWithoutChromium,
  startLab,
  waitUntilIdle,
} from "./lab";
import {
  assertAtlasesReact,
  assertFiguresReact,
  assertImagesLoaded,
  assertNoErrors,
  assertProgressDone,
  type LiveCurve,
  liveCurve,
  takeScreenshot,
} from "./sight";
import { makeWorkspace, NOTEBOOKS, TINY, typeParams } from "./workspace";

const skip = skipWithoutChromium;
let workspace: ReturnType<typeof makeWorkspace>;
let lab: Lab;
let page: Page;

before(async () => {
  if (skip) return;
  workspace = makeWorkspace();
  for (const name of NOTEBOOKS) typeParams(notebookPath(name), TINY[name] ?? {});
  lab = await startLab({ root: workspace.root });
  ({ page } = lab);
});

after(async () => {
  await lab?.stop();
  workspace?.remove();
});

function notebookPath(name: string): string {
  return join(workspace.root, "notebooks", `${name}.ipynb`);
}

/** Opens a notebook, runs all its cells, and checks everything that it shows. */
async function runNotebook(name: string, whileItRuns?: () => Promise<void>) {
  await openNotebook(page, `notebooks/${name}.ipynb`);
  await runAllCells(page);
  await whileItRuns?.();
  await waitUntilIdle(page);
  await assertNoErrors(page);
  const seen = {
    bars: await assertProgressDone(page),
    images: await assertImagesLoaded(page),
    figures: await assertFiguresReact(page),
    atlases: await assertAtlasesReact(page),
  };
  await takeScreenshot(page, name);
  return seen;
}

test("Get_Data draws the demo set and shows it", { skip }, async () => {
  const seen = await runNotebook("Get_Data");
  assert.ok(seen.bars >= 8 && seen.images >= 7 * 4 && seen.figures === 1, JSON.stringify(seen));
});

test("Data_preprocessing resizes the images", { skip }, async () => {
  const seen = await runNotebook("Data_preprocessing");
  assert.ok(seen.bars >= 7 && seen.images >= 3 * 8 && seen.figures === 1, JSON.stringify(seen));
});

test("Data_Merge's balance table sorts on a click", { skip }, async () => {
  const seen = await runNotebook("Data_Merge");
  assert.ok(seen.bars >= 1 && seen.images > 4 && seen.figures === 1, JSON.stringify(seen));
  const table = page.locator(".jp-OutputArea-output table").filter({ hasText: "gini" }).last();
  const header = table.locator("th", { hasText: "images" });
  const column = await header.evaluate((cell) => (cell as HTMLTableCellElement).cellIndex);
  const values = async () =>
    (await table.locator(`tbody td:nth-child(${column + 1})`).allTextContents()).map((text) =>
      Number(text.replaceAll(",", "")),
    );
  assert.notDeepEqual(await values(), sorted(await values()));
  await header.click();
  assert.deepEqual(await values(), sorted(await values()));
  assert.equal(await header.getAttribute("aria-sort"), "ascending");
});

function sorted(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}

test("Model_Preparation fetches the pretrained tower", { skip }, async () => {
  const seen = await runNotebook("Model_Preparation");
  assert.ok(seen.bars >= 1 && seen.images === 8 && seen.figures === 1, JSON.stringify(seen));
});

test("Train's live curve grows; Tab lists our functions; Interrupt ends a training cell, not the kernel", {
  skip,
}, async () => {
  const drawn: LiveCurve[] = [];
  const seen = await runNotebook("Train", async () => {
    while (await isRunning(page)) {
      const curve = await liveCurve(page);
      if (curve) drawn.push(curve);
      await page.waitForTimeout(200);
    }
  });
  const hasGrown = drawn.some(
    ({ cell, points }, i) => i > 0 && cell === drawn[i - 1]!.cell && points > drawn[i - 1]!.points,
  );
  assert.ok(hasGrown, `live curves: ${JSON.stringify(drawn)}`);
  assert.ok(seen.bars >= 1 && seen.images >= 8 && seen.figures >= 4, JSON.stringify(seen));

  await addCell(page, "guie.tra");
  await page.keyboard.press("Tab");
  const completions = page.locator(".jp-Completer-item");
  await completions.filter({ hasText: "trainFeatures" }).waitFor();
  assert.deepEqual(await completions.filter({ hasText: /^traceTables$/ }).count(), 0);
  await page.keyboard.press("Escape");
  await addCell(page, "const steps: guie.StepMetric[] = [];");
  await page.keyboard.press("Shift+Enter");
  await addCell(
    page,
    `const endless = await guie.buildTraining(guie.overrideConfig(fineTune, { nEpochs: 1000, initFrom: "" }));
console.log("training begins");
for await (const step of endless.trainer) steps.push(step);`,
  );
  await page.keyboard.press("Shift+Enter");
  await page.locator(".jp-OutputArea-output", { hasText: "training begins" }).waitFor();
  await page.waitForTimeout(500);
  const interruptedAtMs = performance.now();
  await page.getByRole("button", { name: "Interrupt the kernel" }).click();
  await page.locator(".jp-OutputArea-output", { hasText: /^Interrupted:/ }).waitFor();
  await waitUntilIdle(page);
  const tookMs = performance.now() - interruptedAtMs;
  assert.ok(tookMs < 5000, `it took ${tookMs} ms`);
  await addCell(page, `steps.length > 0 ? "steps taken" + ", kernel alive" : "nothing trained";`);
  await page.keyboard.press("Shift+Enter");
  await page.locator(".jp-OutputArea-output", { hasText: "steps taken, kernel alive" }).waitFor();
});

test("Inference searches and shows the results", { skip }, async () => {
  const seen = await runNotebook("Inference");
  assert.ok(
    seen.bars >= 2 && seen.images >= 12 && seen.figures === 4 && seen.atlases === 2,
    JSON.stringify(seen),
  );
});

test("Experiments starts from Train's runs, and every figure has its reading", { skip }, async () => {
  const seen = await runNotebook("Experiments");
  assert.ok(seen.bars >= 3 && seen.images >= 16 && seen.figures === 7, JSON.stringify(seen));
  const outputs = (await page.locator(".jp-OutputArea-output").allInnerTexts()).join("\n");
  for (const words of [
    /demo_frozen: finished/,
    /demo_fine_tune: finished/,
    /Fine-tuning (gains|loses)/,
    /The loss falls fastest between/,
    /Best of 2 is/,
    /margin 0\.5 (gains|loses) .* over 2 seeds/,
    /The loss goes from .* in 6 steps/,
    /images? \(\d+ %\) are nearer to another class/,
    /of these 8 are wrong/,
    /The gradient is largest in/,
    /Of 2 models the soup takes [12];/,
    /Highest is alpha [01]:/,
  ])
    assert.match(outputs, words);
});
