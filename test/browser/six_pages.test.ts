// The six notebooks headless (nbclient), then each as a page: every figure is there without server and network.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { CHROMIUM_FLAGS, chromiumPath, skipWithoutChromium } from "./lab";
import { makeWorkspace, PIPELINE, TINY } from "./workspace";

const TEN_MINUTES_MS = 600_000;

/** What the executed copy holds: figures by their SVG, pictures in its HTML. */
function picturesIn(path: string): { figures: number; pictures: number } {
  const { cells } = JSON.parse(readFileSync(path, "utf8")) as {
    cells: { outputs?: { data?: Record<string, string | string[]> }[] }[];
  };
  const bundles = cells.flatMap(({ outputs = [] }) => outputs.flatMap(({ data }) => (data ? [data] : [])));
  const html = bundles.map((bundle) => [bundle["text/html"] ?? []].flat().join("")).join("");
  return {
    figures: bundles.filter((bundle) => "image/svg+xml" in bundle).length,
    pictures: html.split("<img ").length - 1,
  };
}

test("all six run headless within ten minutes, and their pages show every figure offline", {
  skip: skipWithoutChromium,
}, async (t) => {
  const { root, remove } = makeWorkspace();
  t.after(remove);
  const args = [join(root, "scripts/notebooks.mjs"), "--html", "--params", JSON.stringify(TINY)];
  const options = { cwd: root, encoding: "utf8", timeout: TEN_MINUTES_MS } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, args, options);
  assert.equal(status, 0, stdout + stderr);
  const browser = await chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_FLAGS });
  t.after(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1000, height: 2000 }, offline: true });
  const requests: string[] = [];
  page.on("request", (request) => requests.push(request.url().slice(0, 100)));
  for (const name of PIPELINE) {
    const { figures, pictures } = picturesIn(join(root, "runs/notebooks", `${name}.ipynb`));
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
