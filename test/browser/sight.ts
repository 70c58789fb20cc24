// Checks of what a notebook shows in JupyterLab, read from the page.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { installPath } from "guie/dist/common/project";
import type { Locator, Page } from "playwright-core";

const OUTPUT = ".jp-OutputArea-output";
/** A drawn figure: JupyterLab turns the output itself into the figure. */
const FIGURE = ".jp-RenderedPlotly.js-plotly-plot";
/** The picture next to the mouse, over a point of the atlas. */
const HOVER_PICTURE = ".guie-hover-picture";
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

/** The parts of a drawn plotly figure that are read here. */
type DrawnFigure = Element & {
  _fullLayout: Record<"xaxis" | "yaxis", { c2p(value: number): number }>;
  data: readonly { visible?: unknown; customdata: number[]; x: number[]; y: number[] }[];
};

/** Returns the place in the window of an atlas point, by the number of its picture. */
export function placeOfPoint(figure: Locator, picture: number): Promise<{ x: number; y: number }> {
  return figure.evaluate((element, picture) => {
    const { _fullLayout: layout, data } = element as unknown as DrawnFigure;
    const box = element.querySelector(".nsewdrag")!.getBoundingClientRect();
    for (const { visible, customdata, x, y } of data) {
      const i = visible === false ? -1 : customdata.indexOf(picture);
      if (i >= 0) return { x: box.left + layout.xaxis.c2p(x[i]!), y: box.top + layout.yaxis.c2p(y[i]!) };
    }
    throw new Error(`no visible point has picture ${picture}`);
  }, picture);
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
    .filter((line) => /\(\d+ %\)/.test(line));
  assert.deepEqual(
    lines.filter((line) => !line.includes("(100 %)")),
    [],
  );
  return lines.length;
}

/**
 * Asserts that every interactive figure shows a label, or a picture, when the mouse is on its middle.
 * @returns their count
 */
export async function assertFiguresReact(page: Page): Promise<number> {
  const figures = page.locator(FIGURE);
  const drawn = `document.querySelectorAll(".jp-RenderedPlotly:not(.js-plotly-plot)").length === 0`;
  await page.waitForFunction(drawn, undefined, { timeout: HOVER_TIMEOUT_MS });
  const count = await figures.count();
  for (let i = 0; i < count; i++) {
    const figure = figures.nth(i);
    await figure.scrollIntoViewIfNeeded();
    await hoverMarks(page, i);
    const label = figure.locator(".hoverlayer .hovertext").or(page.locator(HOVER_PICTURE));
    await label.filter({ visible: true }).first().waitFor({ timeout: HOVER_TIMEOUT_MS });
    await page.mouse.move(0, 0);
  }
  return count;
}

/** Moves the mouse to a mark of a figure: its largest bar, the middle of a heat map, or the middle point of a line. */
async function hoverMarks(page: Page, index: number): Promise<void> {
  const place: { x: number; y: number } = await page.evaluate(
    `(() => {
      const figure = document.querySelectorAll("${FIGURE}")[${index}];
      const { data, _fullLayout: { xaxis, yaxis } } = figure;
      const box = figure.querySelector(".nsewdrag").getBoundingClientRect();
      const marks = [...figure.querySelectorAll(".barlayer .point path, .heatmaplayer image")].map((mark) => {
        const { left, top, width, bottom } = mark.getBoundingClientRect();
        return { left, top, width, height: Math.min(bottom, box.bottom) - top };
      });
      const [mark] = marks.sort((a, b) => b.width * b.height - a.width * a.height);
      // Not the exact middle, where a heat map of an even count has a border of two cells
      if (mark) return { x: mark.left + mark.width * 0.55, y: mark.top + mark.height * 0.55 };
      // calcdata has no WebGL points
      const points = data[0].type === "scattergl" ? data[0].x.map((x, i) => ({ x, y: data[0].y[i] })) : figure.calcdata[0];
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
  const folder = installPath("runs", "screenshots");
  mkdirSync(folder, { recursive: true });
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
  await page.screenshot({ path: join(folder, `${name}.png`) });
  await page.setViewportSize(size);
}
