// Tests a notebook's HTML page offline: figures, tables, pictures.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { writeFile } from "../folders";
import { notebookJson, openOffline, skipWithoutChromium } from "./lab";

const CELLS = [
  `import * as guie from "guie";
const words = { title: "A figure", x: "x", y: "y" };
const lines = guie.lineFigure([{ name: "a", x: [1, 2, 3], y: [3, 1, 2] }], words);`,
  `await guie.show([{ name: "<script>document.title = 'taken over'</script>", images: 1200 }, { name: "b", images: 7 }]);`,
  `await guie.show(lines);`,
  `await guie.show(guie.heatFigure([[1, 2], [3, 4]], words));`,
  `await guie.show(guie.sideBySide(lines, lines));`,
  `const grey = { width: 30, height: 20, data: new Uint8Array(1800).fill(99) };
await guie.show(await guie.imageGrid([{ image: grey, caption: "grey" }]));`,
  `const f = guie.trace(({ x }) => guie.tf.exp(x), { x: { shape: [2] } });
await guie.show(f);`,
];

test("a notebook's HTML page shows every figure without server and network; tables sort, pictures zoom", {
  skip: skipWithoutChromium,
}, async (t) => {
  mkdirSync(installPath("runs"), { recursive: true });
  const folder = mkdtempSync(installPath("runs", "page-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "look.ipynb");
  writeFile(path, notebookJson(CELLS));
  const notebooks = installPath("scripts", "notebooks.mjs");
  const { status, stderr } = spawnSync(
    process.execPath,
    [notebooks, path, "--out", join(folder, "out"), "--html"],
    { encoding: "utf8" },
  );
  assert.equal(status, 0, stderr);

  const viewport = { width: 1000, height: 2600 };
  const { page, requests, errors } = await openOffline(t, join(folder, "out", "look.html"), viewport);
  await page.waitForLoadState("networkidle");
  assert.deepEqual(
    requests.filter((url) => !/^(file|data):/.test(url)),
    [],
  );
  const widths = `[...document.querySelectorAll(".jp-OutputArea-output img")].map(({ naturalWidth }) => naturalWidth)`;
  const [line, heat, both, picture, graph] = (await page.evaluate(widths)) as number[];
  assert.deepEqual([line, heat, both, picture], [760, 760, 760, 30]);
  assert.ok(graph! > 50);
  const cells = page.locator(".jp-OutputArea-output td");
  assert.deepEqual((await cells.allTextContents()).slice(0, 4), [
    "<script>document.title = 'taken over'</script>",
    "1,200",
    "b",
    "7",
  ]);
  await page.locator("th", { hasText: "images" }).click();
  assert.equal(await cells.first().textContent(), "b");
  assert.equal(await page.title(), "look");
  await page.locator("td img").click();
  assert.equal(await page.locator("dialog[open] p").textContent(), "grey");
  await page.keyboard.press("Escape");
  // The dialog is removed on its close event, which comes a moment later
  await page.locator("dialog").waitFor({ state: "detached", timeout: 5000 });
  assert.deepEqual(errors, []);
  if (process.env.GUIE_SCREENSHOTS)
    await page.screenshot({ path: join(process.env.GUIE_SCREENSHOTS, "page.png") });
});
