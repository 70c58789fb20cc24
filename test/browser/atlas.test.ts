// The embedding atlas under the mouse in JupyterLab: pointed at, clicked, lassoed, zoomed, in two tabs, after a reload and
// a restart; and its picture in the notebook's HTML page.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { writeFile } from "../folders";
import { outputSelector, savePicture, waitForText } from "./cells";
import {
  type Lab,
  notebookJson,
  openNotebook,
  openOffline,
  runAllCells,
  skipWithoutChromium,
  startLab,
  waitUntilIdle,
} from "./lab";
import { assertNoErrors } from "./sight";
import { makeWorkspace } from "./workspace";

const skip = skipWithoutChromium;
const TIMEOUT_MS = 60_000;
const MARKUP = "<script>document.title = 'taken over'</script>";

/** Images of one colour each, and their places on the first map; the last one is the user's own. */
const IMAGES = [
  { name: "red", rgb: [255, 0, 0], at: [0, 0] },
  { name: "green", rgb: [0, 200, 0], at: [0.2, 0.1] },
  { name: "blue", rgb: [0, 0, 255], at: [1, 1] },
  { name: "yellow", rgb: [255, 255, 0], at: [0.1, 0.9] },
] as const;
/** Share of the map that is free on each side. */
const FREE = 0.04;

let workspace: ReturnType<typeof makeWorkspace>;
let lab: Lab;
let page: Page;

before(async () => {
  if (skip) return;
  workspace = makeWorkspace();
  const folder = join(workspace.root, "data/shown/images");
  mkdirSync(folder, { recursive: true });
  for (const { name, rgb } of IMAGES) {
    const [r, g, b] = rgb;
    const picture = sharp({ create: { width: 60, height: 60, channels: 3, background: { r, g, b } } });
    await picture.toFile(join(folder, `${name}.png`));
  }
  writeFile(join(workspace.root, "notebooks/atlas.ipynb"), notebookJson(cells()));
});

after(async () => {
  await lab?.stop();
  workspace?.remove();
});

/** Returns cells that show an atlas of three images and a star, and read its selection. */
function cells(): string[] {
  const pathOf = (i: number) => join(workspace.root, "data/shown/images", `${IMAGES[i]!.name}.png`);
  const points = [MARKUP, "green", "blue"].map((className, label) => ({
    image: pathOf(label),
    label,
    className,
    dataset: label < 2 ? "<b>warm</b>" : "cold",
    role: label === 0 ? "query" : "index",
    index: Math.max(0, label - 1),
    ...(label === 0 ? { nearest: { isRight: false, className: "green" } } : {}),
  }));
  const own = { image: pathOf(3), name: "yours", places: [IMAGES[3]!.at, [5, 9]] };
  const show = `import * as guie from "guie";
const mapOf = (name: string, values: number[]) => ({ name, places: { data: Float32Array.from(values), count: 3, length: 2 } });
const maps = [mapOf("UMAP", ${JSON.stringify(IMAGES.slice(0, 3).flatMap(({ at }) => at))}), mapOf("PCA", [5, 5, 6, 7, 8, 9])];
const points = ${JSON.stringify(points)};
const nearest = async () => [{ image: points[1], cosine: 0.75, place: 1 }, { image: points[2], cosine: -0.5, place: 2 }];
const atlas = { dataDir: "data/shown", points, maps, imageCount: 3, nearest } as any;
const view = await guie.atlasView(atlas, [${JSON.stringify(own)} as any]);
await guie.show(view);`;
  const read = `console.log(view.selected().map(({ image, label, index }) => [image.split("/").pop(), label, index].join(" ")).join(", ") || "none");
if (view.selected().length > 1) console.log((await view.exclude("a lasso")).added, "added");`;
  return [show, read];
}

/** Returns the place in the window of a share of the map's width and height, from the top left. */
async function placeOf(place: Page, x: number, y: number): Promise<[number, number]> {
  const box = (await place.locator(".guie-atlas .surface").boundingBox())!;
  return [box.x + x * box.width, box.y + y * box.height];
}

/** Returns the place in the window of an image on the first map, which is shown whole. */
function placeOfImage(place: Page, image: number): Promise<[number, number]> {
  const [x, y] = IMAGES[image]!.at;
  return placeOf(place, FREE + (1 - 2 * FREE) * x, FREE + (1 - 2 * FREE) * (1 - y));
}

/** Waits until a picture of the page shows an image of IMAGES in its middle. */
async function assertShows(selector: string, image: number): Promise<void> {
  const shows = `(() => {
    const image = document.querySelector(${JSON.stringify(selector)});
    if (!image?.naturalWidth) return false;
    const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
    const context = canvas.getContext("2d");
    context.drawImage(image, -image.naturalWidth / 2, -image.naturalHeight / 2);
    const seen = context.getImageData(0, 0, 1, 1).data;
    return ${JSON.stringify(IMAGES[image]!.rgb)}.every((value, i) => Math.abs(value - seen[i]) < 12);
  })()`;
  await page.waitForFunction(shows, undefined, { timeout: TIMEOUT_MS });
}

/** Draws a lasso with the mouse around a box of the map, in shares of its size. */
async function lasso(place: Page, [left, top, right, bottom]: readonly number[]): Promise<void> {
  const corners = [
    [left, top],
    [right, top],
    [right, bottom],
    [left, bottom],
  ];
  await place.locator(".guie-atlas button.lasso").click();
  await place.mouse.move(...(await placeOf(place, left!, top!)));
  await place.mouse.down();
  for (const [x, y] of [...corners.slice(1), corners[0]!])
    await place.mouse.move(...(await placeOf(place, x!, y!)), { steps: 8 });
  await place.mouse.up();
  await place.locator(".guie-atlas button.pan").click();
}

/** Runs the second cell again, and returns what it printed. */
async function readSelection(): Promise<string> {
  const prompt = `${outputSelector(1).replace(" .jp-OutputArea", "")} .jp-InputPrompt`;
  const before = await page.locator(prompt).innerText();
  await page.locator(prompt).click();
  await page.keyboard.press("Control+Enter");
  await page.waitForFunction(
    `/\\d/.test(document.querySelector("${prompt}").innerText) && document.querySelector("${prompt}").innerText !== "${before}"`,
    undefined,
    { timeout: TIMEOUT_MS },
  );
  return (await page.locator(outputSelector(1)).innerText()).trim();
}

async function open(theme: string): Promise<void> {
  await lab?.stop();
  lab = await startLab({ root: workspace.root, heightPx: 1000, theme });
  ({ page } = lab);
  await openNotebook(page, "notebooks/atlas.ipynb");
  await runAllCells(page);
  await waitUntilIdle(page);
  await assertNoErrors(page);
  await page.locator(".guie-atlas canvas").waitFor({ timeout: TIMEOUT_MS });
}

test("an image is pointed at and opened with its nearest ones; a lasso is read by the next cell, in both tabs, after a reload", {
  skip,
}, async () => {
  await open("JupyterLab Light");
  await page.mouse.move(...(await placeOfImage(page, 0)));
  await assertShows(".guie-atlas-hover img", 0);
  assert.equal(
    (await page.locator(".guie-atlas-hover").innerText()).replaceAll(/\s+/g, " "),
    `${MARKUP} <b>warm</b> · query · nearest: green`,
  );
  await page.mouse.move(...(await placeOfImage(page, 3)));
  await assertShows(".guie-atlas-hover img", 3);

  await page.mouse.click(...(await placeOfImage(page, 0)));
  await assertShows(".guie-atlas-card > figure img", 0);
  await assertShows(".guie-atlas-grid figure:nth-child(2) img", 2);
  assert.match(
    await page.locator(".guie-atlas-card").innerText(),
    /images\/red\.png[\s\S]*green\s+0\.750\s+blue\s+-0\.500/,
  );
  await savePicture(page, "atlas_light");
  await page.locator(".guie-atlas-grid figure").nth(1).click();
  await assertShows(".guie-atlas-card > figure img", 2);
  await page.locator(".guie-atlas-close").click();
  assert.equal(await page.locator(".guie-atlas-card").isVisible(), false);

  await lasso(page, [0.01, 0.8, 0.4, 0.99]);
  await waitForText(page, ".guie-atlas .selection", "2 selected");
  assert.equal(await readSelection(), "red.png 0 0, green.png 1 0\n2 added");
  const excluded = join(workspace.root, "data/shown/exclude.csv");
  const rows = "image_files,reason\nimages/red.png,a lasso\nimages/green.png,a lasso\n";
  assert.equal(readFileSync(excluded, "utf8"), rows);

  await page.keyboard.press("Control+s");
  await page.waitForTimeout(1_000);
  const second = await page.context().newPage();
  await second.goto(page.url());
  await waitForText(second, ".guie-atlas .selection", "2 selected");
  await lasso(second, [0.8, 0.01, 0.99, 0.3]);
  await waitForText(page, ".guie-atlas .selection", "1 selected");
  assert.equal(await readSelection(), "blue.png 2 1");
  await second.close();

  await page.reload();
  await waitForText(page, ".guie-atlas .selection", "1 selected");
  await page.mouse.click(...(await placeOfImage(page, 1)));
  await assertShows(".guie-atlas-card > figure img", 1);
  await page.keyboard.press("Escape");
  await page.locator(".guie-atlas .selection").filter({ hasText: /^$/ }).waitFor({ state: "attached" });
  assert.equal(await readSelection(), "none");
  assert.doesNotMatch(await page.title(), /taken over/);
});

test("menus, legend and wheel change what is shown; after a restart there is a picture", {
  skip,
}, async () => {
  await open("JupyterLab Dark");
  const drawn = () =>
    page.evaluate(`(() => {
      const { data } = document.querySelector(".guie-atlas canvas").getContext("2d").getImageData(0, 0, 5000, 5000);
      return data.reduce((sum, value, i) => sum + (i % 4 === 3 && value > 0 ? 1 : 0), 0);
    })()`) as Promise<number>;
  const all = await drawn();
  const legend = page.locator(".guie-atlas-legend button");
  assert.deepEqual(await legend.allInnerTexts(), ["<b>warm</b>", "cold"]);
  await legend.first().click();
  await page.waitForTimeout(300);
  assert.ok((await drawn()) < all);
  await page.mouse.move(...(await placeOfImage(page, 0)));
  await page.waitForTimeout(300);
  assert.equal(await page.locator(".guie-atlas-hover").isVisible(), false, "hidden points are not found");
  await legend.first().dblclick();
  assert.deepEqual(await Promise.all([0, 1].map((i) => legend.nth(i).getAttribute("aria-pressed"))), [
    "true",
    "false",
  ]);
  await page.locator("select.colouring").selectOption({ label: "colour: right or wrong" });
  assert.deepEqual(await legend.allInnerTexts(), ["index", "query, nearest is wrong"]);
  await page.locator("select.map").selectOption({ label: "PCA" });
  await page.waitForTimeout(300);
  await page.mouse.move(...(await placeOf(page, FREE, 1 - FREE)));
  await assertShows(".guie-atlas-hover img", 0);

  const [x, y] = await placeOf(page, 0.5, 0.5);
  await page.mouse.move(x, y);
  await page.mouse.wheel(0, -400);
  await page.waitForTimeout(300);
  assert.equal(
    await page.locator(".guie-atlas .surface").evaluate((map) => map === document.activeElement),
    false,
  );
  await page.mouse.click(x, y);
  await page.mouse.wheel(0, -400);
  await page.mouse.move(x - 60, y - 60);
  await page.mouse.down();
  await page.mouse.move(x + 60, y - 90, { steps: 5 });
  await page.mouse.up();
  await page.locator("button.reset").click();
  await page.locator("select.map").selectOption({ label: "UMAP" });
  await page.mouse.click(...(await placeOfImage(page, 2)));
  await assertShows(".guie-atlas-card > figure img", 2);
  await savePicture(page, "atlas_dark");

  await page.keyboard.press("Control+s");
  await page.getByRole("menuitem", { name: "Kernel", exact: true }).click();
  await page.getByText("Restart Kernel…", { exact: true }).click();
  await page.locator(".jp-Dialog .jp-mod-accept").click();
  await waitForText(page, outputSelector(0), "A picture of the controls as the cell made them");
  await page
    .locator(`${outputSelector(0)} img[alt^="The embedding atlas: 3 images"]`)
    .first()
    .waitFor();
  await savePicture(page, "atlas_restarted");
  await page.reload();
  await waitForText(page, outputSelector(0), "A picture of the controls as the cell made them");
  assert.equal(await page.getByText("model not found").filter({ visible: true }).count(), 0);
});

test("the notebook's HTML page shows a picture of the map, offline", { skip }, async (t) => {
  const script = join(workspace.root, "scripts/notebooks.mjs");
  const out = join(workspace.root, "out");
  const path = join(workspace.root, "notebooks/atlas.ipynb");
  const { status, stderr } = spawnSync(process.execPath, [script, path, "--out", out, "--html"], {
    encoding: "utf8",
    env: { ...process.env, GUIE_ROOT: workspace.root },
  });
  assert.equal(status, 0, stderr);
  const viewport = { width: 1100, height: 1000 };
  const offline = await openOffline(t, join(out, "atlas.html"), viewport);
  const image = offline.page.locator('img[alt^="The embedding atlas: 3 images"]').filter({ visible: true });
  assert.equal(await image.count(), 1);
  assert.ok((await image.evaluate((element) => (element as HTMLImageElement).naturalWidth)) > 0);
  assert.match(await offline.page.locator("body").innerText(), /<b>warm<\/b>.*cold.*yours/s);
  assert.deepEqual(
    offline.requests.filter((url) => !/^(file|data|blob):/.test(url)),
    [],
  );
  assert.deepEqual(offline.errors, []);
});
