// Takes the pictures of docs/start/tour.md: JupyterLab with notebooks run on the demo set, after `npm run demo`.
//   npm run pictures
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { installPath } from "guie/dist/common/project";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { openNotebook, runAllCells, startLab, waitUntilIdle } from "./lab";
import { assertNoErrors, placeOfMark } from "./sight";

/** Pictures: the notebook, a word of the cell at the top of the window; of an atlas, a point is clicked. */
const STOPS: readonly { picture: string; notebook: string; cell: string; click?: string; opens?: true }[] = [
  { picture: "balance", notebook: "Data_Merge", cell: "compareBalance", click: "images" },
  { picture: "schedule", notebook: "Train", cell: "scheduleFigure" },
  { picture: "training", notebook: "Train", cell: "startRun(fineTune)" },
  { picture: "neighbours", notebook: "Inference", cell: "neighbourGrid" },
  { picture: "atlas", notebook: "Inference", cell: "buildAtlas", opens: true },
];

const WINDOW = { widthPx: 1040, heightPx: 760 };
const SETTLE_MS = 1_500;
const WEBP_QUALITY = 82;

async function main(): Promise<void> {
  mkdirSync(installPath("runs", "tour"), { recursive: true });
  mkdirSync(installPath("docs", "tour"), { recursive: true });
  const { page, stop } = await startLab({ root: installPath(), ...WINDOW });
  try {
    for (const notebook of new Set(STOPS.map((stop) => stop.notebook))) {
      await runCopy(page, notebook);
      for (const stop of STOPS.filter((stop) => stop.notebook === notebook)) await takePicture(page, stop);
    }
  } finally {
    await stop();
  }
}

/** Runs a copy of the original notebook, ignoring edits in notebooks/. */
async function runCopy(page: Page, notebook: string): Promise<void> {
  const copy = join("runs", "tour", `${notebook}.ipynb`);
  copyFileSync(installPath("scripts", "originals", `${notebook}.ipynb`), installPath(copy));
  await openNotebook(page, copy);
  await runAllCells(page);
  await waitUntilIdle(page);
  await assertNoErrors(page);
}

async function takePicture(
  page: Page,
  { picture, cell: word, click, opens }: (typeof STOPS)[number],
): Promise<void> {
  const cell = page.locator(".jp-CodeCell").filter({ hasText: word }).first();
  if (click) await cell.locator("th", { hasText: click }).first().click();
  await cell.evaluate((element) => element.scrollIntoView({ block: "start" }));
  await page.mouse.move(0, 0);
  if (opens) {
    await page.waitForTimeout(SETTLE_MS); // scrolling has ended
    const { x, y } = await placeOfMark(cell.locator(".guie-atlas"));
    await page.mouse.click(x, y);
    await page.mouse.move(0, 0);
  }
  await page.waitForTimeout(SETTLE_MS);
  const png = await page.screenshot();
  const path = installPath("docs", "tour", `${picture}.webp`);
  await sharp(png).webp({ quality: WEBP_QUALITY }).toFile(path);
  console.log(path);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
