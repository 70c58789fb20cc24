// Runs the six notebooks and Experiments headless (nbclient), then opens each HTML page: every figure is there without server and network.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { installPath } from "guie/dist/common/project";
import { chromium } from "playwright-core";
import { CHROMIUM_FLAGS, chromiumPath, skipWithoutChromium } from "./lab";
import { makeWorkspace, NOTEBOOKS, TINY } from "./workspace";

const TEN_MINUTES_MS = 600_000;

/** One output of a cell, by MIME type. */
type Bundle = Record<string, unknown>;

/** Returns the outputs of an executed copy, by MIME type. */
function bundlesIn(path: string): Bundle[] {
  const { cells } = JSON.parse(readFileSync(path, "utf8")) as {
    cells: { outputs?: { data?: Bundle }[] }[];
  };
  return cells.flatMap(({ outputs = [] }) => outputs.flatMap(({ data }) => (data ? [data] : [])));
}

/** Returns an output's text in one MIME type; "" if it has none. */
function textOf(bundle: Bundle, mime: string): string {
  return [bundle[mime] ?? []].flat().join("");
}

/** Counts the figures (by their SVG) and the pictures of an executed copy. */
function picturesIn(path: string): { figures: number; pictures: number } {
  const bundles = bundlesIn(path);
  const html = bundles.map((bundle) => textOf(bundle, "text/html")).join("");
  const figures = bundles.filter((bundle) => "image/svg+xml" in bundle);
  return { figures: figures.length, pictures: html.split("<img ").length - 1 };
}

test("all run headless within ten minutes, and their pages show every figure offline", {
  skip: skipWithoutChromium,
}, async (t) => {
  const { seenOnGitHub } = await import(pathToFileURL(installPath("scripts/notebooks/outputs.mjs")).href);
  const { root, remove } = makeWorkspace();
  t.after(remove);
  const args = [
    join(root, "scripts/notebooks.mjs"),
    ...NOTEBOOKS,
    "--html",
    "--params",
    JSON.stringify(TINY),
  ];
  const env = { ...process.env, GUIE_ROOT: root };
  const options = { cwd: root, env, encoding: "utf8", timeout: TEN_MINUTES_MS } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, args, options);
  assert.equal(status, 0, stdout + stderr);
  const browser = await chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_FLAGS });
  t.after(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1000, height: 2000 }, offline: true });
  const requests: string[] = [];
  page.on("request", (request) => requests.push(request.url().slice(0, 100)));
  for (const name of NOTEBOOKS) {
    const { figures, pictures } = picturesIn(join(root, "runs/notebooks", `${name}.ipynb`));
    for (const bundle of bundlesIn(join(root, "runs/notebooks", `${name}.ipynb`))) {
      assert.ok("text/plain" in bundle, `${name}: an output without words: ${Object.keys(bundle)}`);
      assert.ok(
        seenOnGitHub(bundle),
        `${name}: nothing to see on GitHub of: ${textOf(bundle, "text/plain")}`,
      );
    }
    await page.goto(pathToFileURL(join(root, "runs/notebooks", `${name}.html`)).href);
    const widths: number[] = await page.evaluate(
      `Promise.all([...document.querySelectorAll(".jp-OutputArea-output img")].map(async (image) => {
        await image.decode();
        return image.naturalWidth;
      }))`,
    );
    assert.equal(widths.length, figures + pictures, name);
    assert.ok(figures > 0, `${name} has no figure`);
    assert.ok(
      widths.every((width) => width > 0),
      `${name}: ${widths}`,
    );
  }
  assert.deepEqual(
    requests.filter((url) => !/^(file|data):/.test(url)),
    [],
  );
});
