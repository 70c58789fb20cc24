// npm run check:first-hour [-- FOLDER]: follows docs/start/first_hour.md like a newcomer, in a clone in an empty folder, with
// empty caches of npm and pip, and prints input, result and duration of each step as that page's table. Needs Chromium
// for the browser steps; a given folder stays, else a temporary one is created and deleted.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const require = createRequire(import.meta.url);
const browserTools = require(join(root, "build/test/browser/lab.js"));
const { assertNoErrors } = require(join(root, "build/test/browser/sight.js"));
const sharp = require("sharp");

const PIPELINE = ["Get_Data", "Data_preprocessing", "Data_Merge", "Model_Preparation", "Train", "Inference"];
const WINDOW = { width: 1180, height: 760 };

/** The user's first image: a red apple in three strokes. */
const APPLE_SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="320" height="320"><rect width="320" height="320" fill="#fff"/>
<path d="M160 105C110 75 50 100 55 175c5 75 65 120 105 95 40 25 100-20 105-95 5-75-55-100-105-70z" fill="#d22b2b"/>
<path d="M160 105c0-25 5-40 18-55" stroke="#6b3f1d" stroke-width="12" fill="none" stroke-linecap="round"/>
<path d="M180 80c20-32 55-34 70-26-12 25-40 38-70 26z" fill="#4c9a2a"/></svg>`;

const rows = [];
let rowStartMs = performance.now();

/** Adds a row with input, result and the time since the previous row. */
function row(typed, seen) {
  const seconds = (performance.now() - rowStartMs) / 1000;
  rowStartMs = performance.now();
  const time =
    seconds < 90
      ? `${seconds.toFixed(0)} s`
      : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  rows.push(`| ${typed} | ${seen} | ${time} |`);
  console.log(rows.at(-1));
}

/** Starts a command of the README in a folder; each line goes to `onLine`. Resolves with its lines if it succeeds. */
function start(command, { cwd, onLine = () => {}, env }) {
  const child = spawn("bash", ["-c", command], {
    cwd,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const lines = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line);
      onLine(line);
    });
  }
  const ended = new Promise((done, failed) =>
    child.on("close", (code) =>
      code === 0
        ? done(lines)
        : failed(new Error(`${command} ended with ${code}:\n${lines.slice(-30).join("\n")}`)),
    ),
  );
  return { ended, stop: () => process.kill(-child.pid, "SIGTERM") };
}

/** Runs `npm run demo`; adds a row for the set-up, for each notebook, and for the ladder. */
async function demo(clone, env) {
  let typed = "`npm run demo`";
  const steps = [];
  const onLine = (line) => {
    const step = /^set-up: (.+?): done in/.exec(line)?.[1];
    if (step) steps.push(step);
    const notebook = PIPELINE.find((name) => line.startsWith(`${name}: `));
    const isSetUp = line.startsWith("set-up: ready");
    if (!notebook && !isSetUp) return;
    row(typed, isSetUp ? `what is set up, step by step: ${steps.join(", ")}` : notebook);
    typed = "(it goes on)";
  };
  const lines = await start("npm run demo", { cwd: clone, env, onLine }).ended;
  const ladder = ["pixels", "backbone", "frozen", "fine_tuned"].map((rung) => {
    const line = lines.findLast((line) => line.startsWith(rung));
    return line.trim().split(/\s+/).slice(0, 2).join(" ");
  });
  row(typed, `the ladder, mP@5: \`${ladder.join("  ")}\``);
}

/** Starts the service and drops an image onto its page. */
async function searchInPage(clone, env, image) {
  let found;
  const url = new Promise((resolveUrl) => {
    found = resolveUrl;
  });
  const service = start("npx guie serve --model demo_fine_tune", {
    cwd: clone,
    env,
    onLine: (line) => {
      const address = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0];
      if (address) found(address);
    },
  });
  const browser = await chromium.launch({
    executablePath: browserTools.chromiumPath(),
    args: browserTools.CHROMIUM_FLAGS,
  });
  try {
    const address = await Promise.race([url, service.ended]);
    row("`npx guie serve --model demo_fine_tune`", `\`${address}: open it in a browser\``);
    const page = await browser.newPage({ viewport: WINDOW });
    await page.goto(address);
    await browserTools.dropFile(page, "#drop", image);
    await page.getByText(/nearest of/).waitFor();
    await page.waitForLoadState("networkidle");
    const names = (await page.locator("#found .name").allTextContents()).slice(0, 5);
    row("drop an image of your own onto the page", `its nearest: ${names.join(", ")}`);
    await page.screenshot({ path: join(dirname(clone), "search.png") });
  } finally {
    await browser.close();
    service.stop();
    await service.ended.catch(() => {});
  }
}

/**
 * Starts JupyterLab, enters the image's path in the parameters cell of Inference, runs all cells and shows the atlas
 * with its star.
 */
async function searchInNotebook(clone, image) {
  rowStartMs = performance.now();
  const { page, stop } = await browserTools.startLab({
    root: clone,
    widthPx: WINDOW.width,
    heightPx: WINDOW.height,
  });
  try {
    row("`npm run lab`", "JupyterLab in the browser");
    await browserTools.openNotebook(page, "notebooks/Inference.ipynb");
    await page.locator(".cm-line", { hasText: 'image: "",' }).click();
    await page.keyboard.press("Home");
    await page.keyboard.press("Shift+End");
    await page.keyboard.insertText(`  image: ${JSON.stringify(image)},`);
    row("open `notebooks/Inference.ipynb`, write the image's path behind `image:`", "the parameters cell");
    await browserTools.runAllCells(page);
    await browserTools.waitUntilIdle(page);
    await assertNoErrors(page);
    await page.locator(".jp-Notebook .jp-CodeCell").last().scrollIntoViewIfNeeded();
    row("Run > Run All Cells", "the ladder, neighbours, the atlas; last your image, as a star on the map");
    await page.screenshot({ path: join(dirname(clone), "notebook.png") });
  } finally {
    await stop();
  }
}

const given = process.argv[2] && resolve(process.argv[2]);
if (!browserTools.chromiumPath())
  throw new Error("needs Chromium: sudo apt-get install chromium, or CHROMIUM=path");
if (given && existsSync(given)) assert.deepEqual(readdirSync(given), [], `${given} must be empty`);
if (given) mkdirSync(given, { recursive: true });
const folder = given ?? mkdtempSync(join(tmpdir(), "guie-first-hour-"));
const clone = join(folder, "universal-image-embedding");
const image = join(folder, "apple.png");
const env = { ...process.env, npm_config_cache: join(folder, "npm"), PIP_CACHE_DIR: join(folder, "pip") };
try {
  const beginMs = performance.now();
  await start(`git clone ${JSON.stringify(root)} ${JSON.stringify(clone)}`, { cwd: folder, env }).ended;
  row("`git clone ... && cd universal-image-embedding`", "");
  await demo(clone, env);
  await sharp(Buffer.from(APPLE_SVG)).png().toFile(image);
  await searchInPage(clone, env, image);
  console.log(`to the first image of one's own: ${((performance.now() - beginMs) / 60_000).toFixed(1)} min`);
  await searchInNotebook(clone, image);
} finally {
  if (!given) rmSync(folder, { recursive: true, force: true });
}
