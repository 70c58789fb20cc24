// Cropping large photos: pixels, orientation, changed and missing sources.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { ProgressReport } from "guie/dist/common/progress";
import { installPath } from "guie/dist/common/project";
import { findDataSet } from "guie/dist/datasets/catalogue";
import { getData } from "guie/dist/datasets/get_data";
import sharp from "sharp";
import { draw, toSharp } from "../images/make";
import { readLines, temporaryDataDir, writeFiles } from "./miniature";

const RED = { r: 200, g: 0, b: 0 };
const GREEN = { r: 0, g: 200, b: 0 };

/** Makes a red PNG with a green central square, which has a blue mark in its upper left corner. */
function photo(width: number, height: number): Promise<Buffer> {
  const side = Math.min(width, height);
  const [left, top] = [Math.floor((width - side) / 2), Math.floor((height - side) / 2)];
  const block = (size: number, background: typeof RED) => ({
    create: { width: size, height: size, channels: 3 as const, background },
  });
  const pieces = [
    { input: block(side, GREEN), left, top },
    { input: block(side >> 2, { r: 0, g: 0, b: 200 }), left, top },
  ];
  return sharp({ create: { width, height, channels: 3, background: RED } })
    .composite(pieces)
    .png()
    .toBuffer();
}

interface Photo {
  drawn: [width: number, height: number];
  encode: (image: sharp.Sharp) => sharp.Sharp;
  /** Size of the file in Get_Data's row. */
  size: [width: number, height: number];
  isCropped: boolean;
}

const jpeg = (image: sharp.Sharp) => image.jpeg();
const PHOTOS: Record<string, Photo> = {
  "wide.jpg": { drawn: [1001, 700], encode: jpeg, size: [640, 640], isCropped: true },
  "tall.jpg": { drawn: [700, 1300], encode: jpeg, size: [640, 640], isCropped: true },
  // Cropped, but not enlarged.
  "narrow.jpg": { drawn: [900, 500], encode: jpeg, size: [500, 500], isCropped: true },
  "largest.jpg": { drawn: [640, 640], encode: jpeg, size: [640, 640], isCropped: false },
  "small.jpg": { drawn: [640, 300], encode: jpeg, size: [640, 300], isCropped: false },
  // Stored rotated to the left, with an EXIF orientation that rotates it back: the crop uses the visible corner.
  "turned.jpg": {
    drawn: [1000, 700],
    encode: (image) => image.rotate(-90).jpeg().withMetadata({ orientation: 6 }),
    size: [640, 640],
    isCropped: true,
  },
  "alpha.png": {
    drawn: [800, 700],
    encode: (image) => image.ensureAlpha().png(),
    size: [640, 640],
    isCropped: true,
  },
};

async function writeFood(dataDir: string): Promise<void> {
  const folder = join(dataDir, "raw/Food2022");
  mkdirSync(join(folder, "images"), { recursive: true });
  for (const [name, { drawn, encode }] of Object.entries(PHOTOS)) {
    await encode(sharp(await photo(...drawn))).toFile(join(folder, "images", name));
  }
  writeFileSync(
    join(folder, "images/broken.jpg"),
    readFileSync(join(folder, "images/wide.jpg")).subarray(0, 2000),
  );
  const names = [...Object.keys(PHOTOS), "broken.jpg"];
  const annotations = {
    categories: [{ id: 1, name: "bread" }],
    images: names.map((file_name, id) => ({ id, file_name })),
    annotations: names.map((_, image_id) => ({ image_id, category_id: 1 })),
  };
  writeFiles(folder, { "annotations.json": JSON.stringify(annotations) });
}

/** Returns red, green and blue of one pixel. */
async function pixel(path: string, left: number, top: number): Promise<number[]> {
  return [...(await sharp(path).extract({ left, top, width: 1, height: 1 }).raw().toBuffer())];
}

const isNear = (found: number[], wanted: number[]) =>
  found.every((value, i) => Math.abs(value - wanted[i]!) < 12);

test("photos of Food Recognition 2022 over 640 px are cropped to their central square and reduced to 640", async (t) => {
  const dataDir = temporaryDataDir(t);
  await writeFood(dataDir);
  const { csv } = await getData(dataDir, "Food2022");
  const files = readLines(csv)
    .slice(1)
    .map((line) => line.replace(/,0$/, ""));
  const wanted = Object.entries(PHOTOS).map(([name, { isCropped }]) =>
    isCropped ? `cropped/Food2022/images/${name}`.replace(".png", ".png.jpg") : `raw/Food2022/images/${name}`,
  );
  // An unreadable image keeps its row; Data_preprocessing reports the reason.
  assert.deepEqual(files, [...wanted, "raw/Food2022/images/broken.jpg"]);
  for (const [index, { size, isCropped }] of Object.values(PHOTOS).entries()) {
    const path = join(dataDir, files[index]!);
    const { width, height, orientation, channels } = await sharp(path).metadata();
    assert.deepEqual([width, height], size, path);
    if (!isCropped) continue;
    assert.deepEqual([orientation, channels], [undefined, 3]);
    const edge = width - 4;
    assert.ok(isNear(await pixel(path, 3, 3), [0, 0, 200]), `${path}: the mark is not in its corner`);
    for (const [x, y] of [
      [edge, 3],
      [3, edge],
      [edge, edge],
      [edge >> 1, edge >> 1],
    ] as const) {
      assert.ok(
        isNear(await pixel(path, x, y), [0, 200, 0]),
        `${path}: at ${x}, ${y} it is ${await pixel(path, x, y)}`,
      );
    }
  }
});

test("photos are cropped once, and again if their source changes, whatever its date; the raw ones stay", async (t) => {
  const dataDir = temporaryDataDir(t);
  await writeFood(dataDir);
  const raw = join(dataDir, "raw/Food2022/images/wide.jpg");
  const before = readFileSync(raw);
  const { csv } = await getData(dataDir, "Food2022");
  const rows = readLines(csv);
  const cropped = join(dataDir, "cropped/Food2022/images/wide.jpg");
  const wholeSecondMs = Math.ceil(Date.now() / 1000) * 1000;
  const later = new Date(wholeSecondMs + 60_000);
  utimesSync(cropped, later, later);
  await getData(dataDir, "Food2022");
  assert.equal(statSync(cropped).mtimeMs, later.getTime(), "not made again");
  const latest = new Date(wholeSecondMs + 120_000);
  utimesSync(raw, latest, latest);
  await getData(dataDir, "Food2022");
  assert.equal(statSync(cropped).mtimeMs, later.getTime(), "only touched: not made again");
  assert.deepEqual(readFileSync(raw), before);
  writeFileSync(raw, readFileSync(join(dataDir, "raw/Food2022/images/tall.jpg")));
  utimesSync(raw, 1, 1);
  await getData(dataDir, "Food2022");
  assert.ok(statSync(cropped).mtimeMs < later.getTime(), "made again");
  assert.deepEqual(readFileSync(cropped), readFileSync(join(dataDir, "cropped/Food2022/images/tall.jpg")));
  assert.deepEqual(readLines(csv), rows);
  // A small photo in its place is used unchanged.
  writeFileSync(raw, readFileSync(join(dataDir, "raw/Food2022/images/small.jpg")));
  await getData(dataDir, "Food2022");
  assert.equal(existsSync(cropped), false);
  assert.ok(readLines(csv).includes("raw/Food2022/images/wide.jpg,0"));
});

test("photos that disappear during reading are not missing rows: the table waits for them", async (t) => {
  const dataDir = temporaryDataDir(t);
  await writeFood(dataDir);
  const [folder, away] = [join(dataDir, "raw/Food2022/images"), join(dataDir, "away")];
  const csv = join(dataDir, "csv", `${findDataSet("Food2022").name}.csv`);
  const moveAt = (unit: string) => ({
    onProgress: (report: ProgressReport) => {
      if (report.unit === unit && existsSync(folder)) renameSync(folder, away);
    },
  });
  // During cropping: after the last row was found, before the last photo was read.
  await assert.rejects(
    getData(dataDir, "Food2022", moveAt("images")),
    /cannot be read now: missing file\.\n {2}Next: Check that its disk/,
  );
  assert.equal(existsSync(csv), false);
  renameSync(away, folder);
  assert.equal((await getData(dataDir, "Food2022")).rows, 8);
  const again = readLines(csv);
  rmSync(csv);
  // With the annotations in memory, and the whole data set gone.
  const [raw, moved] = [join(dataDir, "raw/Food2022"), join(dataDir, "moved")];
  await assert.rejects(
    getData(dataDir, "Food2022", { onProgress: ({ unit }) => unit === "MB" && renameSync(raw, moved) }),
    /cannot be read now: it is not there/,
  );
  assert.equal(existsSync(csv), false);
  renameSync(moved, raw);
  await getData(dataDir, "Food2022");
  assert.deepEqual(readLines(csv), again);
});

test("the pixels of a cropped photo equal those of OpenCV's INTER_AREA", async (t) => {
  const dataDir = temporaryDataDir(t);
  await writeFood(dataDir);
  const smooth = draw(901, 650, (x, y, c) => {
    if (c === 0) return Math.floor((x * 255) / 900);
    if (c === 1) return Math.floor((y * 255) / 649);
    return Math.floor(((x - 100) ** 2 + (y - 90) ** 2) / 200);
  });
  await toSharp(smooth).png().toFile(join(dataDir, "raw/Food2022/images/small.jpg"));
  await getData(dataDir, "Food2022");
  const pixels = await sharp(join(dataDir, "cropped/Food2022/images/small.jpg")).raw().toBuffer();
  const { sha256 } = JSON.parse(readFileSync(installPath("test/golden/crop.json"), "utf8")); // by make_resize.py
  assert.equal(createHash("sha256").update(pixels).digest("hex"), sha256);
});
