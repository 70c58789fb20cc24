// Pages carry pixels only: no EXIF, no place of a photo, and every picture stands upright.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { writeContactSheet } from "guie/dist/finding/contact_sheet";
import { inspectPhotos } from "guie/dist/inspection/inspect";
import { reportPage } from "guie/dist/inspection/report_page";
import type { Atlas } from "guie/dist/notebook/atlas/atlas";
import { atlasView } from "guie/dist/notebook/atlas/atlas_view";
import { imageGrid } from "guie/dist/notebook/output/images";
import sharp from "sharp";
import { temporaryFolder } from "../folders";
import { commOf, sendInPage } from "../notebook/fake_comms";
import { makeTinyRun, startService } from "../serving/tiny_service";

const CAMERA = "Secret Camera";

/** Makes a photo that lies on its side, red where its top is, with the place where it was taken. */
async function gpsPhoto(): Promise<Buffer> {
  const red = { create: { width: 20, height: 40, channels: 3 as const, background: "#ff0000" } };
  const blue = { create: { width: 80, height: 40, channels: 3 as const, background: "#0000ff" } };
  const top = { input: await sharp(red).png().toBuffer(), left: 0, top: 0 };
  return sharp(blue)
    .composite([top])
    .withExif({
      IFD0: { Make: CAMERA },
      IFD3: {
        GPSLatitudeRef: "N",
        GPSLatitude: "51/1 30/1 3230/100",
        GPSLongitudeRef: "W",
        GPSLongitude: "0/1 7/1 4366/100",
      },
    })
    .withMetadata({ orientation: 6 })
    .jpeg({ quality: 100 })
    .toBuffer();
}

/** Returns the JPEGs inside a page. */
function jpegsIn(html: string): Buffer[] {
  return Array.from(html.matchAll(/data:image\/jpeg;base64,([\w+/=]+)/g), ([, text]) =>
    Buffer.from(text!, "base64"),
  );
}

async function assertBare(jpeg: Buffer): Promise<void> {
  const { exif, xmp, iptc, orientation } = await sharp(jpeg).metadata();
  assert.deepEqual([exif, xmp, iptc, orientation], [undefined, undefined, undefined, undefined]);
  for (const word of ["Exif", CAMERA]) assert.ok(!jpeg.includes(word), word);
}

/** Asserts that a picture is higher than wide, and red at its top. */
async function assertUpright(jpeg: Buffer): Promise<void> {
  const { data, info } = await sharp(jpeg).raw().toBuffer({ resolveWithObject: true });
  assert.ok(info.height > info.width, `${info.width} x ${info.height}`);
  const at = 3 * (2 * info.width + Math.floor(info.width / 2));
  assert.ok(data[at]! > 200 && data[at + 2]! < 60, "red on top");
}

/** Returns the pictures that an atlas sends for a click on an image: it, and its nearest one. */
async function atlasPictures(image: string): Promise<Buffer[]> {
  const places = { data: new Float32Array(2), count: 1, length: 2 };
  const point = { image, label: 0, className: "a", dataset: "", role: "index" as const, index: 0 };
  const atlas: Atlas = {
    dataDir: "",
    points: [point],
    maps: [{ name: "PCA", places, place: async () => places }],
    imageCount: 1,
    nearest: async () => [{ image: point, cosine: 1, place: 0 }],
  };
  await atlasView(atlas);
  await sendInPage(commOf("AnyModel"), { view: "page", kind: "open", point: 0 });
  return commOf("AnyModel")
    .sent.at(-1)!
    .buffers.map((bytes) => Buffer.from(bytes));
}

test("contact sheet, inspection, service, grid and atlas hold neither place nor camera; pictures stand upright", async (t) => {
  const folder = temporaryFolder(t);
  process.env.GUIE_CACHE_DIR = join(folder, "cache");
  t.after(() => delete process.env.GUIE_CACHE_DIR);
  const photos = join(folder, "photos");
  mkdirSync(photos);
  const path = join(photos, "photo.jpg");
  writeFileSync(path, await gpsPhoto());
  const { exif, orientation } = await sharp(path).metadata();
  assert.deepEqual([exif!.includes(CAMERA), orientation], [true, 6], "the photo itself says it");

  const sheet = join(folder, "sheet.html");
  const hit = { rank: 1, score: 1, file: "photo.jpg", path, class: null, verdict: null };
  await writeContactSheet(sheet, [{ query: "photo.jpg", path, hits: [hit], itself: [] }], "about");
  const grid = await imageGrid([{ image: path }]);
  t.mock.method(process.stderr, "write", () => true);
  const tinyRun = await makeTinyRun(t);
  const twice = join(folder, "twice");
  mkdirSync(twice);
  for (const name of ["one.jpg", "again.jpg"]) writeFileSync(join(twice, name), await gpsPhoto());
  const page = await reportPage(await inspectPhotos({ photos: twice, model: tinyRun.run }));
  for (const word of ["Exif", CAMERA, "GPS"]) assert.ok(!page.includes(word), word);
  const service = await startService(t, tinyRun, { index: photos });
  await service.whole;
  const image = Buffer.from(await (await fetch(`${service.url}/image/0`)).arrayBuffer());
  const upright = [
    ...jpegsIn(readFileSync(sheet, "utf8")),
    ...jpegsIn(page),
    ...jpegsIn(String(grid.bundle["text/html"])),
    image,
    ...(await atlasPictures(path)),
  ];
  assert.equal(upright.length, 8);
  for (const jpeg of upright) await assertBare(jpeg);
  for (const jpeg of upright) await assertUpright(jpeg);
});
