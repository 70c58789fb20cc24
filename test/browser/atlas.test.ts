// Tests the embedding atlas under the mouse: in JupyterLab, and offline in the notebook's HTML page.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { type TestContext, test } from "node:test";
import { installPath } from "guie/dist/common/project";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { writeFile } from "../folders";
import {
  notebookJson,
  openNotebook,
  openOffline,
  runAllCells,
  skipWithoutChromium,
  startLab,
  waitUntilIdle,
} from "./lab";
import { assertNoErrors, placeOfPoint } from "./sight";

const skip = skipWithoutChromium;
const MARKUP = "<script>document.title = 'taken over'</script>";

/** Images of one colour each; the last one is the user's own. */
const COLOURS = { red: [255, 0, 0], green: [0, 200, 0], blue: [0, 0, 255], yellow: [255, 255, 0] } as const;

/** Writes a notebook with an atlas of three images and a star; it needs no retrieval set. */
async function writeNotebook(t: TestContext): Promise<string> {
  mkdirSync(installPath("runs"), { recursive: true });
  const folder = mkdtempSync(installPath("runs", "atlas-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const images: string[] = [];
  for (const [name, [r, g, b]] of Object.entries(COLOURS)) {
    const path = join(folder, `${name}.png`);
    await sharp({ create: { width: 60, height: 60, channels: 3, background: { r, g, b } } }).toFile(path);
    images.push(path);
  }
  const points = [MARKUP, "green", "blue"].map((className, label) => ({
    image: images[label],
    label,
    className,
    dataset: label < 2 ? "<b>warm</b>" : "cold",
    role: label === 0 ? "query" : "index",
    ...(label === 0 ? { nearest: { isRight: false, className: "green" } } : {}),
  }));
  const own = {
    image: images[3],
    name: "yours",
    places: [
      [0.2, 1],
      [5, 9],
    ],
  };
  const cell = `import * as guie from "guie";
const mapOf = (name, values) => ({ name, places: { data: Float32Array.from(values), count: 3, length: 2 } });
const maps = [mapOf("UMAP", [0, 0, 1, 0, 1, 1]), mapOf("PCA", [5, 5, 6, 7, 8, 9])] as any;
const points = ${JSON.stringify(points)} as any;
await guie.show(await guie.atlasFigure({ points, maps, imageCount: 3 }, [${JSON.stringify(own)} as any]));`;
  const path = join(folder, "atlas.ipynb");
  writeFile(path, notebookJson([cell.replaceAll("(name, values)", "(name: string, values: number[])")]));
  return path;
}

/** Moves the mouse over a point and returns the card that appears. */
async function hover(page: Page, picture: number) {
  const { x, y } = await placeOfPoint(page.locator(".js-plotly-plot"), picture);
  await page.mouse.move(x - 4, y - 3);
  await page.mouse.move(x, y, { steps: 3 });
  const card = page.locator(".guie-hover-picture");
  await card.waitFor({ timeout: 10_000 });
  const image = card.locator("img");
  const naturalWidth: number = await image.evaluate((element) => (element as HTMLImageElement).naturalWidth);
  assert.ok(naturalWidth > 0);
  const frame = await card.locator("div").first().screenshot();
  const { data, info } = await sharp(frame).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const middle = 3 * (Math.floor(info.height / 2) * info.width + Math.floor(info.width / 2));
  const seen = [...data.subarray(middle, middle + 3)];
  const expected = Object.values(COLOURS)[picture]!;
  const isThis = seen.every((value, channel) => Math.abs(value - expected[channel]!) < 12);
  assert.ok(isThis, `picture ${picture} is ${expected}, the card shows ${seen}`);
  return card.locator("> div").allTextContents();
}

/** Returns the names of the visible traces. */
function visibleTraces(page: Page): Promise<string[]> {
  return page.evaluate(
    `document.querySelector(".js-plotly-plot")._fullData.filter(({ visible }) => visible === true).map(({ name }) => name)`,
  );
}

async function choose(page: Page, menu: number, item: RegExp): Promise<void> {
  await page.locator(".updatemenu-header").nth(menu).click();
  await page.locator(".updatemenu-dropdown-button").filter({ hasText: item }).click();
  await page.mouse.move(1, 1);
  await page.locator(".guie-hover-picture").waitFor({ state: "detached" });
}

/** Uses an atlas as a person does: hovers over points, chooses from its menus. */
async function tryAtlas(page: Page): Promise<void> {
  await page.locator(".js-plotly-plot .gl-container canvas").first().waitFor({ timeout: 30_000 });
  await page.locator(".guie-pictured").waitFor({ timeout: 10_000 });
  await page.locator(".js-plotly-plot").scrollIntoViewIfNeeded();
  assert.deepEqual(await hover(page, 0), ["", MARKUP, "<b>warm</b> · query · nearest: green"]);
  assert.deepEqual(await hover(page, 2), ["", "blue", "cold · index"]);
  assert.deepEqual(await hover(page, 3), ["", "yours", "your image"]);
  assert.deepEqual((await page.locator(".legendtext").allTextContents()).slice(0, 2), [
    "<b>warm</b>",
    "cold",
  ]);
  assert.equal((await visibleTraces(page)).length, 3);

  await choose(page, 1, /right or wrong/);
  assert.deepEqual(await visibleTraces(page), ["index", "query, nearest is wrong", "yours"]);
  assert.deepEqual(await hover(page, 1), ["", "green", "<b>warm</b> · index"]);
  const before = await placeOfPoint(page.locator(".js-plotly-plot"), 1);
  await choose(page, 0, /PCA/);
  assert.notDeepEqual(await placeOfPoint(page.locator(".js-plotly-plot"), 1), before);
  assert.deepEqual(await visibleTraces(page), ["index", "query, nearest is wrong", "yours"], "colours stay");
  await hover(page, 2);
  await page.mouse.move(1, 1);
  await page.locator(".guie-hover-picture").waitFor({ state: "detached" });
  assert.doesNotMatch(await page.title(), /taken over/);
}

test("in JupyterLab hovering over a point shows its picture; menus change colours and map", {
  skip,
}, async (t) => {
  const path = await writeNotebook(t);
  const { page, stop } = await startLab({ heightPx: 1000 });
  t.after(stop);
  await openNotebook(page, `runs/${basename(join(path, ".."))}/atlas.ipynb`);
  await runAllCells(page);
  await waitUntilIdle(page);
  await assertNoErrors(page);
  await tryAtlas(page);
});

test("the notebook's HTML page does the same, offline", { skip }, async (t) => {
  const path = await writeNotebook(t);
  const out = join(path, "..", "out");
  const script = installPath("scripts", "notebooks.mjs");
  const { status, stderr } = spawnSync(process.execPath, [script, path, "--out", out, "--html"], {
    encoding: "utf8",
  });
  assert.equal(status, 0, stderr);
  const viewport = { width: 1100, height: 1000 };
  const { page, requests, errors } = await openOffline(t, join(out, "atlas.html"), viewport);
  await tryAtlas(page);
  assert.deepEqual(
    requests.filter((url) => !/^(file|data|blob):/.test(url)),
    [],
  );
  assert.deepEqual(errors, []);
});
