// Quick_Start as people use it: in JupyterLab, on a folder of their own, with the pretrained backbone. The screenshot goes
// to runs/screenshots/.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { drawClasses } from "../photos/draw";
import { type Lab, openNotebook, runAllCells, skipWithoutChromium, startLab, waitUntilIdle } from "./lab";
import { assertImagesLoaded, assertNoErrors, assertProgressDone, takeScreenshot } from "./sight";
import { makeWorkspace, typeParams } from "./workspace";

const skip = skipWithoutChromium;
let workspace: ReturnType<typeof makeWorkspace>;
let photos: string;
let lab: Lab;

before(async () => {
  if (skip) return;
  photos = mkdtempSync(join(tmpdir(), "guie-photos-"));
  await drawClasses(photos, ["crème brûlée", "007", "kiwi #2", "lime", "plum", "fig"], 8);
  workspace = makeWorkspace();
  typeParams(join(workspace.root, "notebooks/Quick_Start.ipynb"), { photos, name: "quick" });
  lab = await startLab({ root: workspace.root });
});

after(async () => {
  await lab?.stop();
  workspace?.remove();
  if (photos) rmSync(photos, { recursive: true });
});

test("from a folder to a search, a trained model, a comparison and a service", { skip }, async () => {
  const { page } = lab;
  await openNotebook(page, "notebooks/Quick_Start.ipynb");
  await runAllCells(page);
  await waitUntilIdle(page);
  await assertNoErrors(page);
  const text = await page.locator(".jp-Notebook").innerText();
  assert.match(text, /class folders, 6 classes, 48 images/);
  assert.match(text, /http:\/\/127\.0\.0\.1:\d+ ok/);
  assert.match(text, /quick_frozen/);
  assert.ok((await assertProgressDone(page)) >= 4);
  assert.ok((await assertImagesLoaded(page)) >= 3 * 8, "queries and their neighbours");
  assert.ok(existsSync(join(workspace.root, "checkpoints/quick_frozen/last.safetensors")));
  await takeScreenshot(page, "Quick_Start");
});
