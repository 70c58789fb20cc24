// Tests the page of `guie serve` in a browser.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readRetrievalFiles } from "guie/dist/training/data/read_run_data";
import { chromium } from "playwright-core";
import { temporaryFolder } from "../folders";
import { CLASS_NAMES, drawPhoto, makeTinyRun, startService } from "../serving/tiny_service";
import { CHROMIUM_FLAGS, chromiumPath, dropFile, skipWithoutChromium } from "./lab";

test("the page searches by a dropped image; labels and names stay text; the keyboard suffices", {
  skip: skipWithoutChromium,
}, async (t) => {
  const tiny = await makeTinyRun(t);
  const file = (await readRetrievalFiles(tiny.dataDir))!.index.files[0]!;
  const text = join(temporaryFolder(t), "notes.txt");
  writeFileSync(text, "no image");
  const { url } = await startService(t, tiny);
  const browser = await chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_FLAGS });
  t.after(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1100, height: 800 } });
  const [problems, elsewhere]: string[][] = [[], []];
  page.on("console", (message) => message.type() === "error" && problems!.push(message.text()));
  page.on("pageerror", (error) => problems!.push(error.message));
  page.on("request", (request) => {
    if (!request.url().startsWith(url) && !/^(blob|data):/.test(request.url()))
      elsewhere!.push(request.url());
  });
  await page.goto(url);
  await page.getByText("30 images").waitFor();

  assert.equal(await page.locator("#found button").count(), 15, "a sample of the index to start with");
  await dropFile(page, "#drop", join(tiny.dataDir, file), "<img src=x onerror=document.title='taken'>.jpg");
  await page.getByText(/12 nearest of 30 images, in [\d,]+ ms/).waitFor();
  const cards = page.locator("#found button");
  assert.equal(await cards.count(), 12);
  assert.equal(await cards.first().locator(".name").textContent(), CLASS_NAMES[0]);
  assert.equal(await page.locator("#asked").textContent(), "<img src=x onerror=document.title='taken'>.jpg");
  assert.equal(await page.title(), "Search by image");
  assert.equal(await page.locator("#found script, #asked img").count(), 0);
  await page.waitForFunction(() =>
    [...document.images].every((image) => image.hidden || image.naturalWidth > 0),
  );

  await page.selectOption("#count", "6");
  await page.getByText(/^6 nearest/).waitFor();
  await page.locator("#count").press("Tab");
  assert.match(
    (await page.evaluate(() => document.activeElement!.getAttribute("aria-label")))!,
    /^1: <script>.*Find more like it$/,
  );
  await page.keyboard.press("Enter");
  await page.getByText(`like ${CLASS_NAMES[0]}`).waitFor();
  await page.getByText(/^6 nearest/).waitFor();

  await dropFile(page, "#drop", text);
  await page.getByRole("alert").getByText("not an image").waitFor();
  assert.equal(await cards.count(), 0);
  assert.deepEqual(
    problems!.filter((text) => !text.includes("415")),
    [],
  );
  assert.deepEqual(elsewhere, []);
});

test("the page shows photos as they are embedded, finds new ones on request, and lists what cannot be read", {
  skip: skipWithoutChromium,
}, async (t) => {
  const folder = temporaryFolder(t);
  process.env.GUIE_CACHE_DIR = join(folder, "cache");
  t.after(() => delete process.env.GUIE_CACHE_DIR);
  const tiny = await makeTinyRun(t);
  const photos = join(folder, "photos");
  const take = (i: number) => drawPhoto(join(photos, `class ${i % 2}`, `${i}.png`), i);
  for (let i = 0; i < 8; i++) await take(i);
  writeFileSync(join(photos, "class 0", "<b>broken.jpg"), "no photo");
  t.mock.method(process.stderr, "write", () => true);
  const service = await startService(t, tiny, { index: photos });
  const browser = await chromium.launch({ executablePath: chromiumPath(), args: CHROMIUM_FLAGS });
  t.after(() => browser.close());
  const page = await browser.newPage();
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  await page.goto(service.url);
  await page.getByText("8 photos, 8 newly embedded").waitFor();
  assert.equal(await page.locator("#found button").count(), 8);
  await page.getByText("1 file is left out").click();
  assert.match((await page.locator("#left_out li").textContent())!, /^class 0\/<b>broken\.jpg: /);

  for (let i = 8; i < 10; i++) await take(i);
  await page.getByRole("button", { name: "Look for new photos" }).click();
  await page.getByText("10 photos, 2 newly embedded").waitFor();
  await dropFile(page, "#drop", join(photos, "class 1", "9.png"), "nine.png");
  await page.getByText(/10 nearest of 10 images/).waitFor();
  const marked = page.locator("#found button", { hasText: "this very photo" });
  assert.equal(await marked.count(), 1, "the photo that was dropped is marked among the hits");
  assert.equal(await marked.getAttribute("title"), "class 1/9.png");
  const first = page.locator("#found button").first();
  assert.equal(await first.getAttribute("title"), "class 1/9.png");
  assert.equal(await first.locator(".name").textContent(), "class 1");
  assert.deepEqual(problems, []);
});
