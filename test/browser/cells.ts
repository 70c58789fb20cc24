// Cells of a notebook in JupyterLab: opened with given code, their outputs found, pictures of the window taken.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { installPath } from "guie/dist/common/project";
import type { Page } from "playwright-core";
import { writeFile } from "../folders";
import { notebookJson, openNotebook, runAllCells } from "./lab";

const TIMEOUT_MS = 60_000;

/** Returns the selector of a code cell. @param cell from 0 */
export function cellSelector(cell: number): string {
  return `.jp-Notebook .jp-CodeCell:nth-child(${cell + 1})`;
}

/** Returns the selector of a code cell's output. @param cell from 0 */
export function outputSelector(cell: number): string {
  return `${cellSelector(cell)} .jp-OutputArea`;
}

/** Writes a notebook with these cells into a workspace, opens it and runs all cells. */
export async function openCells(
  page: Page,
  root: string,
  name: string,
  cells: readonly string[],
): Promise<void> {
  writeFile(join(root, "notebooks", name), notebookJson(cells));
  await openNotebook(page, `notebooks/${name}`);
  await runAllCells(page);
}

/** Waits until an element that `selector` finds has these words. */
export async function waitForText(page: Page, selector: string, words: string | RegExp): Promise<void> {
  await page.locator(selector).filter({ hasText: words }).first().waitFor({ timeout: TIMEOUT_MS });
}

/** Saves a picture of the window as runs/screenshots/NAME.png. */
export async function savePicture(page: Page, name: string): Promise<void> {
  const folder = installPath("runs", "screenshots");
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`) });
}
