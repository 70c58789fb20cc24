// Tests the query on the page of `guie serve`: rectangles, several images, and the way back to the own photo.
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { readRetrievalFiles } from "guie/dist/training/data/read_run_data";
import { chromium, type Page } from "playwright-core";
import sharp from "sharp";
import { temporaryFolder } from "../folders";
import { CLASS_NAMES, makeTinyRun, startService } from "../serving/tiny_service";
import { CHROMIUM_FLAGS, chromiumPath, skipWithoutChromium } from "./lab";

const SIDE = 300;

/** Opens the page of a tiny service, with a photo that shows rows 0 and 5 side by side, and the photos of three rows. */
async function opened(t: TestContext, { width = 1100, service = {} } = {}) {
  const tiny = await makeTinyRun(t);
  const files = Array.from((await readRetrievalFiles(tiny.dataDir))!.index.files);
  const photos = [0, 5, 10].map((row) => join(tiny.dataDir, files[row]!));
  const both = join(temporaryFolder(t), "both.png");
  const halves = photos.slice(0, 2).map((path) => sharp(path).resize(SIDE, SIDE, { fit: "fill" }).toBuffer());
  await sharp({ create: { width: 2 * SIDE, height: SIDE, channels: 3, background: "#000" } })
    .composite((await Promise.all(halves)).map((input, i) => ({ input, left: i * SIDE, top: 0 })))
    .png()
    .toFile(both);
  const { url } = await startService(t, tiny, service);
  const browser = await chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_FLAGS });
  t.after(() => browser.close());
  const page = await browser.newPage({ viewport: { width, height: 800 } });
  const [problems, searches]: string[][] = [[], []];
  page.on("pageerror", (error) => problems!.push(error.message));
  page.on("request", (request) => {
    if (/\/(search|similar)/.test(request.url())) searches!.push(request.url());
  });
  await page.goto(url);
  await page.getByText("30 images").waitFor();
  return { page, url, files, photos, both, problems: problems!, searches: searches! };
}

/** Chooses files, and waits for the answer. */
async function choose(page: Page, files: string | string[]): Promise<void> {
  await page.setInputFiles("#file", files);
  await page.getByText(/nearest of 30 images( that meet the conditions)?, in [\d,]+ ms/).waitFor();
  await page.waitForFunction(() => (document.getElementById("preview") as HTMLImageElement).complete);
}

/** Does something and waits for the answer to the search that it starts; returns the address of that search. */
async function searchBy(page: Page, what: () => Promise<unknown>): Promise<URL> {
  const [response] = await Promise.all([
    page.waitForResponse((answer) => /\/(search|similar)/.test(answer.url())),
    what(),
  ]);
  await response.finished();
  await page.getByText(/nearest of 30 images( that meet the conditions)?, in [\d,]+ ms/).waitFor();
  return new URL(response.url());
}

/** Drags over the picture between two places in shares of its sides. */
async function drag(page: Page, [x0, y0]: [number, number], [x1, y1]: [number, number]): Promise<void> {
  const { x, y, width, height } = (await page.locator("#frame").boundingBox())!;
  await page.mouse.move(x + x0 * width, y + y0 * height);
  await page.mouse.down();
  await page.mouse.move(x + ((x0 + x1) / 2) * width, y + ((y0 + y1) / 2) * height);
  await page.mouse.move(x + x1 * width, y + y1 * height);
  await page.mouse.up();
}

const sidesOf = (address: URL) => address.searchParams.get("rectangle")?.split(",").map(Number);
const firstPath = (page: Page) => page.locator("#found .path").first().textContent();

test("a rectangle is drawn with the mouse and the keyboard, and searched alone; Escape clears it", {
  skip: skipWithoutChromium,
}, async (t) => {
  const { page, both, files, problems } = await opened(t);
  await choose(page, both);
  const box = page.locator(".rectangle");
  assert.equal(await box.isVisible(), false);

  for (const [i, [from, to]] of [
    [0, 0.5],
    [0.5, 1],
  ].entries()) {
    const address = await searchBy(page, () => drag(page, [from!, 0], [to!, 1]));
    for (const [side, share] of [from, 0, to, 1].entries())
      assert.ok(Math.abs(sidesOf(address)![side]! - share!) < 0.02, address.search);
    assert.equal(await box.isVisible(), true);
    assert.equal(await firstPath(page), files[5 * i], "the half that was drawn is found first");
  }
  assert.match((await page.locator("#asked").textContent())!, /^both\.png: (49|50|51) % × (99|100) % of it/);
  const whole = await searchBy(page, () => page.keyboard.press("Escape"));
  assert.equal(sidesOf(whole), undefined);
  assert.equal(await box.isVisible(), false);

  const before = page.waitForResponse(/search/, { timeout: 600 }).catch(() => undefined);
  await page.locator("#frame").click();
  assert.equal(await before, undefined, "a click draws nothing");

  const middle = await searchBy(page, () => page.locator("#frame").press("Enter"));
  assert.deepEqual(sidesOf(middle), [0.25, 0.25, 0.75, 0.75]);
  const moved = await searchBy(page, async () => {
    for (let i = 0; i < 20; i++) await page.keyboard.press("ArrowLeft");
  });
  assert.deepEqual(sidesOf(moved), [0, 0.25, 0.5, 0.75], "it stays within the picture");
  const resized = await searchBy(page, async () => {
    await page.keyboard.press("Shift+ArrowRight");
    await page.keyboard.press("Shift+ArrowDown");
  });
  assert.deepEqual(sidesOf(resized), [0, 0.25, 0.52, 0.77]);
  const smallest = await searchBy(page, async () => {
    for (let i = 0; i < 40; i++) await page.keyboard.press("Shift+ArrowLeft");
  });
  assert.ok(sidesOf(smallest)![2]! * 2 * SIDE >= 8, "at least 8 px remain");
  const outline = await page.locator("#frame").evaluate((frame) => getComputedStyle(frame).outlineStyle);
  assert.equal(outline, "solid", "the focus is visible");
  await searchBy(page, () => page.getByRole("button", { name: "Whole image (Esc)" }).press("Enter"));
  const again = await searchBy(page, () =>
    page.getByRole("button", { name: "Search a part" }).press("Enter"),
  );
  assert.deepEqual(sidesOf(again), [0.25, 0.25, 0.75, 0.75]);
  assert.deepEqual(problems, []);
});

test("a hit becomes the query; the button and the browser's Back restore the own photo with its rectangle", {
  skip: skipWithoutChromium,
}, async (t) => {
  const { page, both, files, problems } = await opened(t);
  const back = page.locator("#back");
  await searchBy(page, () => page.locator("#found button").nth(3).click());
  assert.equal(await back.textContent(), "Back", "there is no own photo yet");
  await page.goBack();
  await page.getByText("Or start with one of these").waitFor();
  assert.equal(await page.locator("#query").isVisible(), false);

  await choose(page, both);
  assert.equal(await back.isVisible(), false);
  const drawn = await searchBy(page, () => drag(page, [0.5, 0], [1, 1]));
  const own = await page.locator("#preview").getAttribute("src");
  const assertOwn = async () => {
    assert.equal(await page.locator("#preview").getAttribute("src"), own);
    assert.equal(await page.locator(".rectangle").isVisible(), true);
    assert.equal(await firstPath(page), files[5]);
    assert.equal(await back.isVisible(), false);
  };

  const hit = await searchBy(page, () => page.locator("#found button").nth(1).press("Enter"));
  assert.match(hit.pathname, /^\/similar\/\d+$/);
  const focused = () => page.evaluate(() => document.activeElement!.id);
  assert.equal(await focused(), "back", "the keyboard goes on where the card was");
  assert.equal(sidesOf(hit), undefined);
  assert.equal(await page.locator(".rectangle").isVisible(), false, "the rectangle belongs to the own photo");
  await searchBy(page, () => page.locator("#found button").nth(2).click());
  assert.equal(await back.textContent(), "Back to your photo");
  const restored = await searchBy(page, () => back.press("Enter"));
  assert.deepEqual(sidesOf(restored), sidesOf(drawn));
  await assertOwn();
  assert.equal(await focused(), "frame");

  await searchBy(page, () => page.locator("#found button").nth(1).click());
  const part = await searchBy(page, () => page.locator("#part").click());
  assert.match(
    `${part.pathname}${part.search}`,
    /^\/similar\/\d+\?k=12&rectangle=0\.25/,
    "a hit has parts too",
  );
  const returned = await searchBy(page, () => page.goBack());
  assert.deepEqual(sidesOf(returned), sidesOf(drawn));
  await assertOwn();
  const forward = await searchBy(page, () => page.goForward());
  assert.equal(forward.href, part.href);
  assert.deepEqual(problems, []);
});

test("several images are one query, each with its rectangle; too many are refused", {
  skip: skipWithoutChromium,
}, async (t) => {
  const { page, photos, both, searches, problems } = await opened(t, { service: { maxImages: 3 } });
  const together = await searchBy(page, () => page.setInputFiles("#file", [both, photos[1]!, photos[2]!]));
  assert.equal(together.searchParams.get("together"), "1");
  await page.getByText("3 images as one query").waitFor();
  const small = page.locator("#pictures button");
  assert.equal(await small.count(), 3);
  await page.waitForFunction(() =>
    [...document.querySelectorAll("#pictures img")].every(
      (img) => (img as HTMLImageElement).naturalWidth > 0,
    ),
  );
  assert.equal(await small.nth(1).getAttribute("aria-pressed"), "false");
  await small.nth(1).press("Enter");
  assert.equal(await small.nth(1).getAttribute("aria-pressed"), "true");
  assert.equal(await page.locator("#asked").textContent(), photos[1]!.split("/").at(-1)!);
  const part = await searchBy(page, () => page.locator("#part").press("Enter"));
  const [whole, middle] = ["0.000000,0.000000,1.000000,1.000000", "0.250000,0.250000,0.750000,0.750000"];
  assert.deepEqual(part.searchParams.getAll("rectangle"), [whole, middle, whole]);
  assert.match((await small.nth(1).getAttribute("aria-label"))!, /^Image 2 of 3: .*, a part of it$/);
  await small.nth(0).click();
  assert.equal(await page.locator(".rectangle").isVisible(), false, "the rectangle is the second image's");

  const count = searches.length;
  await page.setInputFiles("#file", [both, ...photos]);
  await page.getByRole("alert").getByText("At most 3 images in a search, please: these were 4.").waitFor();
  assert.equal(searches.length, count);
  await choose(page, both);
  assert.equal(await small.count(), 0);
  assert.deepEqual(problems, []);
});

test("start images and hits show class and path; the head says how the index is searched; a phone's width is enough", {
  skip: skipWithoutChromium,
}, async (t) => {
  const { page, photos, both, files, problems } = await opened(t, {
    width: 400,
    service: { rerank: ["dba", "qe"], whiten: true },
  });
  const about = (await page.locator("#about").textContent())!;
  for (const words of ["exact search", "whitened by the photos", "re-ranked by dba, qe", "no verdict yet"])
    assert.ok(about.includes(words), about);
  const cards = page.locator("#found button");
  assert.equal(await cards.first().locator(".name").textContent(), CLASS_NAMES[0]);
  assert.equal(await cards.first().locator(".path").textContent(), files[0]);
  await choose(page, photos[0]!);
  const paths = await page.locator("#found .path").allTextContents();
  assert.equal(paths.length, 12);
  for (const path of paths) assert.ok(files.includes(path), path);
  assert.equal(await page.locator("#found script").count(), 0);
  for (const query of [both, photos]) {
    await choose(page, query);
    const { wide, shown } = await page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.documentElement;
      return { wide: scrollWidth - clientWidth, shown: document.getElementById("frame")!.clientWidth };
    });
    assert.equal(wide, 0, "nothing is wider than the window");
    assert.ok(shown > 200, `${shown}`);
  }
  assert.deepEqual(problems, []);
});

test("conditions are typed; only images that meet them are found, and a wrong one says which columns there are", {
  skip: skipWithoutChromium,
}, async (t) => {
  const { page, photos, problems } = await opened(t);
  await choose(page, photos[0]!);
  const only = page.getByLabel("Only where");
  const type = (words: string) => async () => {
    await only.fill(words);
    await only.press("Enter");
  };
  const columns = await page
    .locator("#columns option")
    .evaluateAll((options) => options.map((option) => (option as HTMLOptionElement).value));
  assert.ok(columns.includes("class=") && columns.includes("folder="), columns.join());

  const names = () => page.locator("#found .name").allTextContents();
  const other = await searchBy(page, type(`class!=${CLASS_NAMES[0]}; folder!=nowhere`));
  assert.deepEqual(other.searchParams.getAll("where"), [`class!=${CLASS_NAMES[0]}`, "folder!=nowhere"]);
  await page.getByText("nearest of 30 images that meet the conditions").waitFor();
  assert.ok((await names()).every((name) => name !== CLASS_NAMES[0]));
  await searchBy(page, type(`class=${CLASS_NAMES[1]}`));
  assert.deepEqual([...new Set(await names())], [CLASS_NAMES[1]]);

  await type("class=nothing of the kind")();
  await page.getByText("No image meets the conditions.").waitFor();
  await type("klass=apple")();
  await page
    .getByRole("alert")
    .getByText(/This search cannot be made: .*klass.*class/)
    .waitFor();
  await searchBy(page, type(""));
  assert.ok(new Set(await names()).size > 1);
  assert.deepEqual(problems, []);
});
