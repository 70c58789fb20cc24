// JupyterLab in a real browser: starts the server, opens a notebook, runs its cells.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { pathToFileURL } from "node:url";
import { installPath } from "guie/dist/common/project";
import { type Browser, chromium, type Page } from "playwright-core";

/** Returns the path of Chromium: from the environment, or Debian's; undefined if there is none. */
export function chromiumPath(): string | undefined {
  return [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"].find(
    (path) => path && existsSync(path),
  );
}

/** Reason to skip browser tests, or false. CI must not skip them: it throws. */
export const skipWithoutChromium = chromiumPath() ? false : withoutChromium();

function withoutChromium(): string {
  const why = "needs Chromium: sudo apt-get install chromium, or set CHROMIUM to its path";
  if (process.env.CI === "true") throw new Error(`CI=true, and this test ${why}`);
  return why;
}

/** Chromium's flags for tests: no sandbox, no background traffic. */
export const CHROMIUM_FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-sync",
  "--disable-background-networking",
  "--disable-component-update",
];

const START_TIMEOUT_MS = 60_000;
const CELLS_TIMEOUT_MS = 120_000;

/** Settings that render every cell, visible or not, and leave no empty space after the last one. */
const NOTEBOOK_SETTINGS = { windowingMode: "none", scrollPastEnd: false };

/** A JupyterLab that serves a workspace, and a browser page. */
export interface Lab {
  page: Page;
  stop(): Promise<void>;
}

/**
 * Starts `npm run lab`'s script on a free port with its own settings, and a browser page.
 * @param options.root a workspace with the data/ and checkpoints/ of the notebooks; default: the project
 */
export async function startLab({
  root = "",
  widthPx = 1100,
  heightPx = 2000,
  theme = "JupyterLab Light",
} = {}): Promise<Lab> {
  const settings = mkdtempSync(join(tmpdir(), "lab-settings-"));
  for (const [file, values] of Object.entries({
    "apputils-extension/themes": { theme },
    "notebook-extension/tracker": NOTEBOOK_SETTINGS,
  })) {
    const path = join(settings, "@jupyterlab", `${file}.jupyterlab-settings`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, JSON.stringify(values));
  }
  const home = root || installPath();
  const server = spawn(process.execPath, [join(home, "scripts", "lab.mjs"), "--no-browser", "--port=0"], {
    cwd: home,
    env: {
      ...process.env,
      ...(root ? { GUIE_ROOT: root } : {}),
      JUPYTERLAB_SETTINGS_DIR: settings,
      JUPYTERLAB_WORKSPACES_DIR: settings,
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let browser: Browser | undefined;
  const stop = async () => {
    await browser?.close();
    await stopServer(server);
    rmSync(settings, { recursive: true });
  };
  try {
    const url = await urlOf(server);
    browser = await chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_FLAGS });
    const context = await browser.newContext({ viewport: { width: widthPx, height: heightPx } });
    const page = await context.newPage();
    await page.goto(url);
    return { page, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Opens a notebook's HTML page in a browser without network; the browser closes after the test. */
export async function openOffline(
  t: TestContext,
  path: string,
  viewport: { width: number; height: number },
): Promise<{ page: Page; requests: string[]; errors: string[] }> {
  const browser = await chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_FLAGS });
  t.after(() => browser.close());
  const page = await browser.newPage({ viewport, offline: true });
  const requests: string[] = [];
  const errors: string[] = [];
  page.on("request", (request) => requests.push(request.url().slice(0, 100)));
  page.on("pageerror", (error) => errors.push(error.message));
  await page.goto(pathToFileURL(path).href);
  return { page, requests, errors };
}

/** Drops a file on an element of the page. `name` is the file name that the page sees. */
export async function dropFile(page: Page, selector: string, path: string, name = basename(path)) {
  const transfer = await page.evaluateHandle(
    ([values, name]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([Uint8Array.from(values)], name));
      return transfer;
    },
    [Array.from(readFileSync(path)), name] as const,
  );
  await page.dispatchEvent(selector, "drop", { dataTransfer: transfer });
}

/** Returns the address with its token that the server prints. */
function urlOf(server: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = "";
    const timer = setTimeout(
      () => reject(new Error(`JupyterLab did not start:\n${output}`)),
      START_TIMEOUT_MS,
    );
    server.stderr!.on("data", (chunk) => {
      output += chunk;
      const url = /http:\/\/127\.0\.0\.1:\d+\/lab\S*token=\S+/.exec(output)?.[0];
      if (!url) return;
      clearTimeout(timer);
      resolve(url);
    });
    server.on("exit", (code) => reject(new Error(`JupyterLab ended with ${code}:\n${output}`)));
  });
}

async function stopServer(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return;
  const ended = new Promise((resolve) => server.once("exit", resolve));
  server.kill("SIGTERM");
  await ended;
}

/** Opens a notebook (path below the workspace) alone in the window, and waits for its kernel. */
export async function openNotebook(page: Page, path: string): Promise<void> {
  const origin = new URL(page.url()).origin;
  await page.goto(`${origin}/doc/tree/${path}`);
  await page.locator(".jp-Notebook .jp-Cell").first().waitFor({ timeout: START_TIMEOUT_MS });
  await page.getByText("TypeScript | Idle").waitFor({ timeout: START_TIMEOUT_MS });
}

/** Runs all cells with the menu. */
export async function runAllCells(page: Page): Promise<void> {
  await page.getByRole("menuitem", { name: "Run", exact: true }).click();
  await page.getByText("Run All Cells", { exact: true }).click();
}

const PROMPTS = `[...document.querySelectorAll(".jp-InputArea-prompt")].map((prompt) => prompt.textContent)`;
const IDLE = `((texts) => texts.some((text) => /\\d/.test(text)) && !texts.some((text) => text.includes("*")))(${PROMPTS})`;

/** Waits until cells have run, and none is running or waiting. */
export async function waitUntilIdle(page: Page): Promise<void> {
  await page.waitForFunction(IDLE, undefined, { timeout: CELLS_TIMEOUT_MS });
}

/** Returns whether no cell has run yet, or some are running or waiting. */
export async function isRunning(page: Page): Promise<boolean> {
  return !(await page.evaluate(IDLE));
}

/** Types a new last cell, and leaves the cursor at its end. */
export async function addCell(page: Page, code: string): Promise<void> {
  await page.locator(".jp-Notebook .jp-Cell").last().locator(".jp-InputPrompt").first().click();
  await page.keyboard.press("Escape");
  await page.keyboard.press("b");
  await page.keyboard.press("Enter");
  await page.keyboard.insertText(code);
}

/** Returns the JSON of a notebook of code cells for the TypeScript kernel. */
export function notebookJson(cells: readonly string[]): string {
  const kernelspec = { name: "typescript", display_name: "TypeScript", language: "typescript" };
  return JSON.stringify({
    nbformat: 4,
    nbformat_minor: 5,
    metadata: { kernelspec },
    cells: cells.map((source, index) => ({
      cell_type: "code",
      id: `cell-${index}`,
      metadata: {},
      execution_count: null,
      outputs: [],
      source,
    })),
  });
}
