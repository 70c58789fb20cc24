// Checks of what a notebook shows in JupyterLab, read from the page.
import assert from "node:assert/strict";
import type { Locator, Page } from "playwright-core";
import { savePicture } from "./cells";

const OUTPUT = ".jp-OutputArea-output";
/** A drawn figure: JupyterLab turns the output itself into the figure. */
const FIGURE = ".jp-RenderedPlotly.js-plotly-plot";
const HOVER_TIMEOUT_MS = 10_000;

/** The scrolling element. */
const PANEL = `document.querySelector(".jp-WindowedPanel-outer")`;
const MAX_PICTURE_PX = 16_000;
/** Time for figures to adapt to another window size. */
const SETTLE_MS = 1_000;

/** Asserts that no cell shows an error, or a warning on standard error. */
export async function assertNoErrors(page: Page): Promise<void> {
  for (const type of ["error", "stderr"]) {
    const shown = page.locator(`${OUTPUT}[data-mime-type='application/vnd.jupyter.${type}']`);
    assert.deepEqual(await shown.allInnerTexts(), [], type);
  }
}

/** Returns the place in the window of the drawn atlas point that is nearest to the map's middle. */
export function placeOfMark(atlas: Locator): Promise<{ x: number; y: number }> {
  return atlas.locator("canvas").evaluate((element) => {
    const canvas = element as HTMLCanvasElement;
    const [width, height] = [canvas.width, canvas.height];
    const { data } = canvas.getContext("2d")!.getImageData(0, 0, width, height);
    let [best, found] = [Number.POSITIVE_INFINITY, { x: 0, y: 0 }];
    for (let i = 0; i < width * height; i++) {
      const [x, y] = [i % width, Math.floor(i / width)];
      const distance = Math.hypot(x - width / 2, y - height / 2);
      if (data[4 * i + 3] !== 255 || distance >= best) continue;
      [best, found] = [distance, { x, y }];
    }
    const box = canvas.getBoundingClientRect();
    return { x: box.left + (found.x * box.width) / width, y: box.top + (found.y * box.height) / height };
  });
}

/** Asserts that every visible picture has been loaded: its natural width is above 0. @returns their count */
export async function assertImagesLoaded(page: Page): Promise<number> {
  const widths: number[] = await page.evaluate(
    `Promise.all([...document.querySelectorAll("${OUTPUT} img")]
      .filter((image) => image.checkVisibility())
      .map(async (image) => {
        await image.decode().catch(() => undefined);
        return image.naturalWidth;
      }))`,
  );
  assert.deepEqual(
    widths.filter((width) => width === 0),
    [],
  );
  return widths.length;
}

/** Asserts that every progress bar is at 100 %. @returns their count */
export async function assertProgressDone(page: Page): Promise<number> {
  const lines = (await page.locator(OUTPUT).allInnerTexts())
    .flatMap((text) => text.split("\n"))
    .filter((line) => /\d\/[\d,]+ \S+ \(\d+ %\)/.test(line));
  assert.deepEqual(
    lines.filter((line) => !line.includes("(100 %)")),
    [],
  );
  return lines.length;
}

/** Asserts that every interactive figure shows a label when the mouse is on its middle. @returns their count */
export async function assertFiguresReact(page: Page): Promise<number> {
  const figures = page.locator(FIGURE);
  const drawn = `document.querySelectorAll(".jp-RenderedPlotly:not(.js-plotly-plot)").length === 0`;
  await page.waitForFunction(drawn, undefined, { timeout: HOVER_TIMEOUT_MS });
  const count = await figures.count();
  for (let i = 0; i < count; i++) {
    const figure = figures.nth(i);
    await figure.scrollIntoViewIfNeeded();
    await hoverMarks(page, i);
    const label = figure.locator(".hoverlayer .hovertext");
    await label.filter({ visible: true }).first().waitFor({ timeout: HOVER_TIMEOUT_MS });
    await page.mouse.move(0, 0);
  }
  return count;
}

/** Asserts that every atlas shows the picture of the point under the mouse. @returns their count */
export async function assertAtlasesReact(page: Page): Promise<number> {
  const atlases = page.locator(".guie-atlas");
  const count = await atlases.count();
  for (let i = 0; i < count; i++) {
    const atlas = atlases.nth(i);
    await atlas.locator("canvas").scrollIntoViewIfNeeded();
    const { x, y } = await placeOfMark(atlas);
    await page.mouse.move(x - 2, y);
    await page.mouse.move(x, y, { steps: 3 });
    await atlas.locator(".guie-atlas-hover img").waitFor({ timeout: HOVER_TIMEOUT_MS });
    await page.mouse.move(0, 0);
  }
  return count;
}

/** Moves the mouse to a mark of a figure: its largest bar, the middle of a heat map, or the middle point of a line. */
async function hoverMarks(page: Page, index: number): Promise<void> {
  const place: { x: number; y: number } = await page.evaluate(
    `(() => {
      const figure = document.querySelectorAll("${FIGURE}")[${index}];
      const { xaxis, yaxis } = figure._fullLayout;
      const box = figure.querySelector(".nsewdrag").getBoundingClientRect();
      const marks = [...figure.querySelectorAll(".barlayer .point path, .heatmaplayer image")].map((mark) => {
        const { left, top, width, bottom } = mark.getBoundingClientRect();
        return { left, top, width, height: Math.min(bottom, box.bottom) - top };
      });
      const [mark] = marks.sort((a, b) => b.width * b.height - a.width * a.height);
      // Not the exact middle, where a heat map of an even count has a border of two cells
      if (mark) return { x: mark.left + mark.width * 0.55, y: mark.top + mark.height * 0.55 };
      const points = figure.calcdata[0];
      const { x, y } = points[Math.floor(points.length / 2)];
      return { x: box.left + xaxis.c2p(x), y: box.top + yaxis.c2p(y) };
    })()`,
  );
  await page.mouse.move(place.x - 2, place.y);
  await page.mouse.move(place.x, place.y, { steps: 3 });
}

/** A live curve in the page. */
export interface LiveCurve {
  /** Number of its cell: two runs have two curves. */
  cell: number;
  points: number;
}

/** Returns the last live curve (an SVG in an image) of the page; undefined if there is none. */
export async function liveCurve(page: Page): Promise<LiveCurve | undefined> {
  const { cell, path }: { cell: number; path: string } = await page.evaluate(
    `(() => {
      const image = [...document.querySelectorAll(".jp-RenderedSVG img")].at(-1);
      if (!image) return { cell: -1, path: "" };
      const cell = [...document.querySelectorAll(".jp-Cell")].indexOf(image.closest(".jp-Cell"));
      const [head, body] = [image.src.slice(0, image.src.indexOf(",")), image.src.slice(image.src.indexOf(",") + 1)];
      const svg = head.includes("base64") ? atob(body) : decodeURIComponent(body);
      return { cell, path: /<path class="js-line" d="([^"]*)"/.exec(svg)?.[1] ?? "" };
    })()`,
  );
  return path === "" ? undefined : { cell, points: path.split(/[ML]/).length - 1 };
}

/** Saves a picture of the whole notebook in runs/screenshots/; asserts that its figures survive the taller window. */
export async function takeScreenshot(page: Page, name: string): Promise<void> {
  const size = page.viewportSize()!;
  const heightPx: number = await page.evaluate(
    `(({ scrollHeight, clientHeight }) => ${size.height} + scrollHeight - clientHeight)(${PANEL})`,
  );
  await page.mouse.move(0, 0);
  await page.setViewportSize({ ...size, height: Math.min(MAX_PICTURE_PX, heightPx) });
  await page.evaluate(`${PANEL}.scrollTo(0, 0)`);
  await page.waitForTimeout(SETTLE_MS);
  const heightsPx = await page
    .locator(FIGURE)
    .evaluateAll((figures) => figures.map((figure) => figure.clientHeight));
  assert.ok(
    heightsPx.every((figureHeightPx) => figureHeightPx > 200),
    `heights of the figures: ${heightsPx}`,
  );
  await savePicture(page, name);
  await page.setViewportSize(size);
}
