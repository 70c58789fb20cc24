// Takes a screenshot of `guie serve` after a search by image.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const require = createRequire(import.meta.url);
const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { CHROMIUM_FLAGS, chromiumPath } = require(join(root, "build/test/browser/lab.js"));
const guie = require("guie");
const sharp = require("sharp");

const [WIDTH_PX, HEIGHT_PX] = [1180, 690];

/**
 * Returns a screenshot of the search page after a search as PNG; undefined without Chromium.
 * @param image path of the query image
 */
export async function servingPng(run, image) {
  if (!chromiumPath()) return undefined;
  const service = await guie.serve({ run, port: 0 });
  const browser = await chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_FLAGS });
  try {
    const page = await browser.newPage({ viewport: { width: WIDTH_PX, height: HEIGHT_PX } });
    await page.goto(service.url);
    await page.locator("#file").setInputFiles({
      name: basename(image),
      mimeType: "image/jpeg",
      buffer: readFileSync(join(root, image)),
    });
    await page.getByText(/nearest of/).waitFor();
    await page.waitForLoadState("networkidle");
    return await sharp(await page.screenshot())
      .png({ palette: true })
      .toBuffer();
  } finally {
    await browser.close();
    await service.close();
  }
}
