// Tests outputs in JupyterLab: a table, a figure, an image grid and progress.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { writeFile } from "../folders";
import { notebookJson, openNotebook, runAllCells, skipWithoutChromium, startLab, waitUntilIdle } from "./lab";

const CELLS = [
  `import { show } from "guie/dist/notebook/views/show";
import { lineFigure } from "guie/dist/notebook/output/plots";
import { imageGrid } from "guie/dist/notebook/output/images";
import { notebookProgress } from "guie/dist/notebook/output/progress";`,
  `await show([{ label: "<script>document.title = 'taken over'</script>", images: 1200 }, { label: "b", images: 90 }]);`,
  `await show(lineFigure([{ name: "loss", x: [1, 2, 3], y: [3, 2, 1] }], { title: "Falling", x: "step", y: "loss" }));`,
  `const black = { width: 4, height: 4, data: new Uint8Array(48) };
await show(await imageGrid([{ image: black, caption: "one" }, { image: black, caption: "two" }]));`,
  `const onProgress = notebookProgress();
for (let done = 0; done <= 3; done++) onProgress({ stage: "work", done, total: 3, unit: "steps" });`,
];

test("JupyterLab shows a table, an interactive figure, an image grid and progress", {
  skip: skipWithoutChromium,
}, async (t) => {
  mkdirSync(installPath("runs"), { recursive: true });
  const folder = mkdtempSync(installPath("runs", "browser-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFile(join(folder, "look.ipynb"), notebookJson(CELLS));
  const { page, stop } = await startLab({ heightPx: 2000 });
  t.after(stop);
  await openNotebook(page, `runs/${basename(folder)}/look.ipynb`);
  await runAllCells(page);
  await waitUntilIdle(page);
  await page.locator(".js-plotly-plot .scatterlayer path.js-line").waitFor();
  const texts = await page.locator(".jp-OutputArea-output td").allTextContents();
  assert.deepEqual(texts, [
    "<script>document.title = 'taken over'</script>",
    "1,200",
    "b",
    "90",
    "one",
    "two",
  ]);
  await page.locator(".jp-OutputArea-output th", { hasText: "images" }).click();
  assert.equal(
    await page.locator(".jp-OutputArea-output td").first().textContent(),
    "b",
    "sorted by a click",
  );
  assert.doesNotMatch(await page.title(), /taken over/);
  assert.equal(await page.locator(".jp-OutputArea-output img[src^='data:image/jpeg']").count(), 2);
  assert.match(await page.locator(".jp-OutputArea-output").last().innerText(), /work: 3\/3 steps \(100 %\)/);
  assert.equal(
    await page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.stderr']").count(),
    0,
  );
});
