// The class report in JupyterLab, with 10,000 classes: sorted, searched, opened, ticked, written to exclude.csv, merged anew.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { writeFile } from "../folders";
import { writeDataset } from "../tables/make";
import { openCells, savePicture } from "./cells";
import { type Lab, runAllCells, skipWithoutChromium, startLab, waitUntilIdle } from "./lab";
import { timesText } from "./redraw_times";
import { makeWorkspace } from "./workspace";

const skip = skipWithoutChromium;
const CLASSES = 10_000;
/** Class 7 is large, with a name that is markup; class 8 has been relabelled by nobody. */
const LARGE = { label: 7, images: 130, name: "<img src=x onerror=alert(1)> teapot" };
const PERSON = "image_files,reason\nnowhere.jpg,mine\n";

let workspace: ReturnType<typeof makeWorkspace>;
let lab: Lab;
let page: Page;

/** Makes 10,000 classes of three images, one of 130 with real images. */
async function makeClasses(root: string): Promise<void> {
  const dataDir = join(root, "data/many");
  const image = (label: number, i: number) => `final_data_224/many/images/${label}+${i}.jpg`;
  const rows = Array.from({ length: CLASSES }, (_, label) => label).flatMap((label) =>
    Array.from({ length: label === LARGE.label ? LARGE.images : 3 }, (_, i): [string, number] => [
      image(label, i),
      label,
    ]),
  );
  writeDataset(dataDir, "many", rows);
  writeFile(
    join(dataDir, "csv/many.csv"),
    `image_files,labels\n${rows.map(([file, label]) => `${file},${label}\n`).join("")}`,
  );
  const name = (label: number) => (label === LARGE.label ? LARGE.name : `class ${label}`);
  const names = Array.from({ length: CLASSES }, (_, label) => `${label},${name(label)}\n`);
  for (const file of ["csv/many_classes.csv", "final_data_224/many_classes.csv"])
    writeFile(join(dataDir, file), `labels,class_name\n${names.join("")}`);
  writeFile(join(dataDir, "exclude.csv"), PERSON);
  mkdirSync(join(dataDir, "final_data_224/many/images"), { recursive: true });
  for (let i = 0; i < LARGE.images; i++)
    await sharp({
      create: { width: 64, height: 48, channels: 3, background: { r: i, g: 120, b: 255 - i } },
    }).toFile(join(dataDir, image(LARGE.label, i)));
}

before(async () => {
  if (skip) return;
  workspace = makeWorkspace();
  await makeClasses(workspace.root);
  lab = await startLab({ root: workspace.root, heightPx: 2200, theme: "JupyterLab Dark" });
  ({ page } = lab);
});

after(async () => {
  await lab?.stop();
  workspace?.remove();
});

const CELLS = [
  `import * as guie from "guie";
const many = [{ name: "many", folder: "many" }];
await guie.mergeTables({ dataDir: "data/many", datasets: many });`,
  `const report = await guie.classReport("data/many", many);
await guie.show(report);`,
  `console.log("ticked:", report.ticked.map(({ label }) => label).join(" "));`,
];

const REPORT = ".jp-Notebook .jp-CodeCell:nth-child(2) .jp-OutputArea";
const cells = (row: number) => page.locator(`${REPORT} .classes tbody tr`).nth(row).locator("td");
const waitForText = (selector: string, words: string | RegExp) =>
  page.locator(selector).filter({ hasText: words }).first().waitFor({ timeout: 30_000 });

/** Runs `act` and returns the time until the page has painted what it changed, in ms. */
async function paintMs(act: string): Promise<number> {
  return page.evaluate(
    ([report, act]) =>
      new Promise<number>((resolve) => {
        const around = document.querySelector(`${report} .classes`)!;
        const startMs = performance.now();
        new Function("around", act!)(around);
        requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - startMs)));
      }),
    [REPORT, act],
  );
}

test("10,000 classes are sorted, searched, opened, ticked and left out of the next merge, which the table says", {
  skip,
}, async (t) => {
  await openCells(page, workspace.root, "classes.ipynb", CELLS);
  await waitUntilIdle(page);
  await waitForText(`${REPORT} .classes`, "of 10,000 rows");

  const [wide, seen] = await page
    .locator(`${REPORT} .classes`)
    .evaluate(({ scrollWidth, clientWidth }) => [scrollWidth, clientWidth]);
  assert.ok(wide! <= seen!, `the table has ${wide} px, its cell ${seen}`);
  const times: number[] = [];
  for (const column of [1, 3, 4, 3, 1]) {
    times.push(await paintMs(`around.querySelectorAll("th")[${column}].click()`));
  }
  t.diagnostic(`sorting 10,000 classes: ${timesText(times)}`);
  const turned: number[] = [];
  for (let i = 0; i < 10; i++)
    turned.push(await paintMs(`around.querySelector("[aria-label='next page']").click()`));
  t.diagnostic(`turning pages: ${timesText(turned)}`);
  const type = (text: string) =>
    `const input = around.querySelector("[aria-label='search the table']"); input.value = ${JSON.stringify(text)}; input.dispatchEvent(new Event("input"))`;
  const searched: number[] = [];
  for (const text of ["c", "cl", "class 99", "class 999", ""]) searched.push(await paintMs(type(text)));
  t.diagnostic(`searching: ${timesText(searched)}`);

  // By raw images, the largest first
  await page.locator(`${REPORT} .classes th`, { hasText: "raw" }).click();
  await page.locator(`${REPORT} .classes th`, { hasText: "raw" }).click();
  assert.equal(await cells(0).nth(1).innerText(), LARGE.name);
  assert.match(await cells(0).nth(3).innerText(), /cut from 130 to 100/);
  await paintMs(type("TEAPOT"));
  assert.equal(await page.locator(`${REPORT} .classes tbody tr`).count(), 1);

  await cells(0).nth(2).click();
  await waitForText(`${REPORT} .images`, /teapot.*130 images/);
  assert.equal(await page.locator(`${REPORT} .images img`).count(), 24);
  await page.locator(`${REPORT} button.more`).click();
  await waitForText(`${REPORT} button.more`, "48 of 130");
  await page.waitForFunction(
    `[...document.querySelectorAll("${REPORT} .images img")].every((image) => image.naturalWidth === 64)`,
  );

  await cells(0).nth(0).locator("input").check();
  await savePicture(page, "classes_dark");
  await page.locator(`${REPORT} button.exclude`).click();
  await waitForText(`${REPORT} .confirm`, "Their 130 images will be added to data/many/exclude.csv");
  const file = join(workspace.root, "data/many/exclude.csv");
  assert.equal(readFileSync(file, "utf8"), PERSON, "nothing is written before the second click");
  await page.locator(`${REPORT} button.write`).click();
  await waitForText(`${REPORT} .confirm`, "130 rows were added to data/many/exclude.csv");
  await waitForText(`${REPORT} .classes`, "130 of 130 in exclude.csv");
  const written = readFileSync(file, "utf8");
  assert.ok(written.startsWith(PERSON));
  assert.equal(written.split("\n").filter((line) => line.includes("/7+")).length, LARGE.images);

  await paintMs(type("class 123"));
  await page.locator(`${REPORT} .classes th input`).check(); // all found rows
  await page.locator(`${REPORT} button.exclude`, { hasText: "(11)" }).waitFor();
  const download = page.waitForEvent("download");
  await page.locator(`${REPORT} button.csv`).click();
  const csv = readFileSync(await (await download).path(), "utf8");
  assert.equal(csv.trim().split("\n").length, 12);
  assert.match(csv, /^class,data set,what happened,raw,kept,merged/);

  await runAllCells(page);
  await waitUntilIdle(page);
  await waitForText(`${REPORT} .classes`, "of 10,000 rows");
  await paintMs(type("teapot"));
  assert.match(
    await cells(0).nth(3).innerText(),
    /130 of 130 left out by exclude\.csv \(class ".*teapot" left out by hand in the class table\)/,
  );
  assert.equal(await cells(0).nth(6).innerText(), "0");
  await savePicture(page, "classes_merged_anew");
  const merged = readFileSync(join(workspace.root, "data/many/final_data_224.csv"), "utf8");
  assert.ok(!merged.includes("/7+"));
  assert.ok(!existsSync(join(workspace.root, "data/many/exclude.csv.tmp")));
});
