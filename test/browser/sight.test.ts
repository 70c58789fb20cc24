// Tests the checks of the notebook tests: each one fails on what it checks. Outputs are given, no cell runs.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { installPath } from "guie/dist/common/project";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { writeFile } from "../folders";
import { notebookJson, openNotebook, skipWithoutChromium, startLab } from "./lab";
import { assertFiguresReact, assertImagesLoaded, assertNoErrors, assertProgressDone } from "./sight";

/** A cell's output, as in the notebook's file. */
type Output = Record<string, unknown>;

const shown = (data: Record<string, unknown>): Output => ({
  output_type: "display_data",
  metadata: {},
  data: { ...data, "text/plain": "words" },
});
const bar = (text: string) => shown({ "text/html": `<div><div>${text}</div></div>` });
const image = (base64: string) => shown({ "text/html": `<img src="data:image/png;base64,${base64}">` });
const figure = (layout: object) =>
  shown({
    "application/vnd.plotly.v1+json": {
      data: [{ type: "bar", x: ["a", "b"], y: [1, 2] }],
      layout: { height: 300, ...layout },
      config: {},
    },
  });

/** Writes a notebook of one cell with these outputs, and opens it. */
async function openWith(page: Page, path: string, outputs: readonly Output[]): Promise<void> {
  const notebook = JSON.parse(notebookJson(['"nothing runs";']));
  notebook.cells[0].outputs = outputs;
  writeFile(path, JSON.stringify(notebook));
  await openNotebook(page, `runs/${basename(dirname(path))}/${basename(path)}`);
  await page
    .locator(".jp-OutputArea-output")
    .nth(outputs.length - 1)
    .waitFor();
}

function makeFolder(t: TestContext): string {
  mkdirSync(installPath("runs"), { recursive: true });
  const folder = mkdtempSync(installPath("runs", "sight-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test("an intact notebook passes every check; a broken picture, bar, figure or cell fails its check", {
  skip: skipWithoutChromium,
}, async (t) => {
  const folder = makeFolder(t);
  const create = { width: 20, height: 20, channels: 3, background: "red" } as const;
  const png = (await sharp({ create }).png().toBuffer()).toString("base64");
  const whole = [bar("work: 4/4 steps (100 %)"), image(png), figure({})];
  const { page, stop } = await startLab({ heightPx: 1000 });
  t.after(stop);

  await openWith(page, join(folder, "whole.ipynb"), whole);
  await assertNoErrors(page);
  assert.equal(await assertProgressDone(page), 1);
  assert.equal(await assertImagesLoaded(page), 1);
  assert.equal(await assertFiguresReact(page), 1);

  const failed = { output_type: "error", ename: "Error", evalue: "broken", traceback: ["broken"] };
  const broken = [
    bar("work: 3/4 steps (75 %)"),
    image(png.slice(0, 40)),
    figure({ hovermode: false }),
    failed,
  ];
  await openWith(page, join(folder, "broken.ipynb"), [...whole, ...broken]);
  await assert.rejects(assertProgressDone(page), /75 %/);
  await assert.rejects(assertImagesLoaded(page), /0/);
  await assert.rejects(assertFiguresReact(page), /Timeout/, "no label appears");
  await assert.rejects(assertNoErrors(page), /broken/);

  const warning = { output_type: "stream", name: "stderr", text: "a warning" };
  await openWith(page, join(folder, "warning.ipynb"), [...whole, warning]);
  await assert.rejects(assertNoErrors(page), /a warning/);
});
