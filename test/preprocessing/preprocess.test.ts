// Tests of Data_preprocessing: its tables and images, repeated runs, and errors.
import assert from "node:assert/strict";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { clearInterrupt, requestInterrupt } from "guie/dist/common/interrupt";
import type { ProgressReport } from "guie/dist/common/progress";
import { decodeRgb } from "guie/dist/images/decode";
import { preprocessDataset } from "guie/dist/preprocessing/preprocess";
import sharp from "sharp";
import { temporaryFolder, writeFile } from "../folders";
import { bmp, draw, toSharp } from "../images/make";

const dataset = { name: "things", folder: "Things", smallestClass: 2 };
const imagesOf = (dataDir: string) => join(dataDir, "final_data_224/Things/images");
const textOf = (dataDir: string, file: string) => readFileSync(join(dataDir, file), "utf8");

const photo = (width: number, height: number, seed: number) =>
  toSharp(draw(width, height, (x, y, c) => x + y * seed + c * 50))
    .jpeg()
    .toBuffer();

/** Makes a data set. Class 0: 2 good images; 5: 2 good, 1 truncated; 7: 1 good, 1 missing; 9: 1 good. */
async function makeThings(test: TestContext): Promise<string> {
  const dataDir = temporaryFolder(test);
  const large = await photo(300, 260, 3);
  const files: Record<string, Uint8Array> = {
    "raw/Things/a/1.jpg": large,
    "raw/Things/a/2.jpg": await toSharp(draw(40, 30, (x) => 6 * x))
      .png()
      .toBuffer(),
    "raw/Things/b/1.jpg": await photo(500, 100, 2),
    "raw/Things/b/1.bmp": bmp(
      draw(20, 20, (x, y) => x * y),
      24,
    ),
    "raw/Things/b/cut.jpg": large.subarray(0, large.length / 2),
    "raw/Things/c/1.jpg": await photo(50, 50, 4),
    "raw/Things/d/1.jpg": await photo(50, 50, 5),
  };
  for (const [path, bytes] of Object.entries(files)) writeFile(join(dataDir, path), bytes);
  writeFile(
    join(dataDir, "csv/things.csv"),
    "image_files,labels\nraw/Things/b/1.jpg,5\nraw/Things/a/1.jpg,0\nraw/Things/a/2.jpg,0\nraw/Things/b/1.bmp,5\n" +
      "raw/Things/b/cut.jpg,5\nraw/Things/c/1.jpg,7\nraw/Things/c/none.jpg,7\nraw/Things/d/1.jpg,9\n",
  );
  return dataDir;
}

test("filters classes, resizes images, counts again without unreadable images, and writes the tables", async (t) => {
  const dataDir = await makeThings(t);
  const reports: string[] = [];
  const result = await preprocessDataset({
    dataDir,
    dataset,
    onProgress: ({ stage, done, total, unit }) => reports.push(`${stage} ${done}/${total} ${unit}`),
  });
  assert.deepEqual(result, {
    dataset: "things",
    rowsIn: 8,
    classesIn: 4,
    rowsOut: 4,
    classesOut: 2,
    rejected: 2,
    droppedAfterRejects: 1,
  });
  assert.equal(
    textOf(dataDir, "final_data_224/Things_final_224.csv"),
    "image_files,labels\nfinal_data_224/Things/images/b+1.jpg,5\nfinal_data_224/Things/images/a+1.jpg,0\n" +
      "final_data_224/Things/images/a+2.jpg,0\nfinal_data_224/Things/images/b+1.bmp~.jpg,5\n",
  );
  assert.equal(
    textOf(dataDir, "final_data_224/Things_rejects.csv"),
    "image_files,labels,reason\n" +
      "raw/Things/b/cut.jpg,5,truncated or corrupt jpeg\n" +
      "raw/Things/c/none.jpg,7,missing file\n",
  );
  assert.deepEqual(readdirSync(imagesOf(dataDir)).sort(), ["a+1.jpg", "a+2.jpg", "b+1.bmp~.jpg", "b+1.jpg"]);
  const sizes: Record<string, [number, number]> = {
    "a+1.jpg": [224, 224],
    "a+2.jpg": [40, 30],
    "b+1.jpg": [224, 224],
    "b+1.bmp~.jpg": [20, 20],
  };
  for (const [name, size] of Object.entries(sizes)) {
    const { width, height } = await decodeRgb(join(imagesOf(dataDir), name));
    assert.deepEqual([width, height], size, name);
  }
  assert.equal(reports.at(-1), "things 6/6 images");
});

test("a second run redoes only what changed, and removes the leftovers of a killed run", async (t) => {
  const dataDir = await makeThings(t);
  const first = await preprocessDataset({ dataDir, dataset });
  const written = (name: string) => statSync(join(imagesOf(dataDir), name)).ino; // a rename gives a new one
  const before = ["a+1.jpg", "a+2.jpg", "b+1.jpg"].map(written);
  writeFile(join(imagesOf(dataDir), "a+1.jpg.123.abc.tmp"), "half");
  rmSync(join(dataDir, "raw/Things/a/1.jpg")); // deleted to save space: the finished JPEG stays
  const later = new Date(Date.now() + 60_000);
  utimesSync(join(dataDir, "raw/Things/a/2.jpg"), later, later); // the same content, so nothing to do
  writeFile(join(dataDir, "raw/Things/b/1.jpg"), await photo(500, 100, 9));
  utimesSync(join(dataDir, "raw/Things/b/1.jpg"), 1, 1); // other content, older than the JPEG
  writeFile(join(imagesOf(dataDir), "b+1.bmp~.jpg"), ""); // a power cut may leave an empty file
  const reports: string[] = [];
  const onProgress = ({ done, total, note }: ProgressReport) => reports.push(`${done}/${total}, ${note}`);
  assert.deepEqual(await preprocessDataset({ dataDir, dataset, onProgress }), first);
  assert.equal(reports.at(-1), "4/4, 2 were finished before"); // 1 changed, 1 empty, 1 unreadable, 1 of a dropped class
  assert.ok(statSync(join(imagesOf(dataDir), "b+1.bmp~.jpg")).size > 0);
  const after = ["a+1.jpg", "a+2.jpg", "b+1.jpg"].map(written);
  assert.deepEqual([after[0], after[1]], [before[0], before[1]]);
  assert.notEqual(after[2], before[2]);
  assert.equal(readdirSync(imagesOf(dataDir)).length, 4);
});

test("the files of a class that a higher limit drops are removed", async (t) => {
  const dataDir = await makeThings(t);
  writeFile(join(dataDir, "raw/Things/b/cut.jpg"), await photo(30, 30, 6));
  await preprocessDataset({ dataDir, dataset });
  const result = await preprocessDataset({ dataDir, dataset: { ...dataset, smallestClass: 3 } });
  assert.deepEqual([result.rowsOut, result.classesOut], [3, 1]);
  assert.deepEqual(readdirSync(imagesOf(dataDir)).sort(), ["b+1.bmp~.jpg", "b+1.jpg", "b+cut.jpg"]);
});

test("transparent images are put over white or get the original's pixels; a folder holds one kind", async (t) => {
  const dataDir = temporaryFolder(t);
  const hidden = Buffer.alloc(4 * 64, Buffer.from([200, 40, 90, 0])); // fully transparent
  const png = await sharp(hidden, { raw: { width: 8, height: 8, channels: 4 } })
    .png()
    .toBuffer();
  for (const name of ["1", "2"]) writeFile(join(dataDir, `raw/Things/a/${name}.png`), png);
  writeFile(
    join(dataDir, "csv/things.csv"),
    "image_files,labels\nraw/Things/a/1.png,0\nraw/Things/a/2.png,0\n",
  );
  const made = async () => [
    ...(await decodeRgb(join(imagesOf(dataDir), readdirSync(imagesOf(dataDir))[0]!))).data.subarray(0, 3),
  ];
  await preprocessDataset({ dataDir, dataset });
  assert.deepEqual(await made(), [255, 255, 255]);
  assert.doesNotMatch(textOf(dataDir, "final_data_224/Things/settings.json"), /pixels/); // as in older folders
  const opencv = { dataDir, dataset, pixels: "opencv" } as const;
  await assert.rejects(
    preprocessDataset(opencv),
    /Things holds images made with .* this run needs .*"opencv"/,
  );
  rmSync(join(dataDir, "final_data_224"), { recursive: true });
  await preprocessDataset(opencv);
  const [red, green, blue] = await made();
  assert.ok(Math.abs(red! - 200) <= 2 && Math.abs(green! - 40) <= 2 && Math.abs(blue! - 90) <= 2);
  await assert.rejects(preprocessDataset({ dataDir, dataset }), /"opencv"/);
  const wrong = { dataDir, dataset, pixels: "cv2" as "opencv" };
  await assert.rejects(preprocessDataset(wrong), /pixels must be one of shown, opencv; it is "cv2"/);
});

test("resize modes: the middle, or all on black; settings.json names them, and one folder holds one mode", async (t) => {
  const dataDir = temporaryFolder(t);
  const picture = draw(300, 100, (x) => (x < 100 || x >= 200 ? 250 : 120)); // the middle is darker
  const png = await toSharp(picture).png().toBuffer();
  for (const name of ["1", "2"]) writeFile(join(dataDir, `raw/Things/a/${name}.png`), png);
  writeFile(
    join(dataDir, "csv/things.csv"),
    "image_files,labels\nraw/Things/a/1.png,0\nraw/Things/a/2.png,0\n",
  );
  const made = () => decodeRgb(join(imagesOf(dataDir), readdirSync(imagesOf(dataDir))[0]!));
  await preprocessDataset({ dataDir, dataset, resizeMode: "crop" });
  const cropped = await made();
  assert.deepEqual([cropped.width, cropped.height], [100, 100]);
  assert.ok(cropped.data.every((value) => Math.abs(value - 120) <= 2));
  await assert.rejects(preprocessDataset({ dataDir, dataset }), /"crop"/);
  rmSync(join(dataDir, "final_data_224"), { recursive: true });
  await preprocessDataset({ dataDir, dataset, resizeMode: "pad" });
  const padded = await made();
  assert.deepEqual([padded.width, padded.height], [224, 224]);
  const at = (x: number, y: number) => padded.data[3 * (224 * y + x)]!;
  assert.ok(at(112, 10) <= 2 && at(112, 213) <= 2, "black above and below");
  assert.ok(Math.abs(at(20, 112) - 250) <= 3 && Math.abs(at(112, 112) - 120) <= 3);
});

test("images of other settings, or of unknown ones, are neither reused nor overwritten", async (t) => {
  const dataDir = await makeThings(t);
  await preprocessDataset({ dataDir, dataset });
  const table = textOf(dataDir, "final_data_224/Things_final_224.csv");
  await assert.rejects(
    preprocessDataset({ dataDir, dataset, imageSizePx: 112 }),
    /"imageSizePx":224.*this run needs.*"imageSizePx":112.*\n.*rm -r/,
  );
  rmSync(join(dataDir, "final_data_224/Things/settings.json"));
  await assert.rejects(preprocessDataset({ dataDir, dataset }), /no settings\.json says/);
  assert.equal(readdirSync(imagesOf(dataDir)).length, 4);
  assert.equal(textOf(dataDir, "final_data_224/Things_final_224.csv"), table);
});

test("a smaller image size lowers the rule's limit", async (t) => {
  const dataDir = await makeThings(t);
  await preprocessDataset({ dataDir, dataset, imageSizePx: 32 });
  const { width, height } = await decodeRgb(join(imagesOf(dataDir), "a+2.jpg"));
  assert.deepEqual([width, height], [32, 32]); // it was 40 x 30
});

test("invalid input is refused before anything is written, and the error says what to do", async (t) => {
  const dataDir = await makeThings(t);
  const csv = join(dataDir, "csv/things.csv");
  const good = textOf(dataDir, "csv/things.csv");
  const cases: [string | Buffer, RegExp][] = [
    ["image_files,class\na.jpg,1\n", /lacks the column "labels"; it has: image_files, class/],
    ["image_files,labels\na.jpg,\n", /row 1: the column "labels" is empty/],
    ["image_files,labels\na.jpg,1.5\n", /row 1: a label must be a whole number from 0, it is "1.5"/],
    [
      "image_files,labels\nraw/../../a.jpg,1\n",
      /row 1: "raw\/\.\.\/\.\.\/a.jpg" is outside the data directory/,
    ],
    [
      Buffer.from("image_files,labels\ncaf\xe9.jpg,1\n", "latin1"),
      /line 2 is not UTF-8 text: read as latin-1 it is "café\.jpg,1"[\s\S]*iconv/,
    ],
    ["image_files,labels\n/etc/a.jpg,1\n", /outside the data directory/],
    ["image_files,labels\na/b.jpg,1\na/./b.jpg,1\n", /row 2: "a\/\.\/b.jpg" is already in row 1/],
    ["image_files,labels\na.jpg,1\n", /no class with at least 2 images.*all 1 classes are smaller/],
  ];
  for (const [text, message] of cases) {
    writeFile(csv, text);
    await assert.rejects(preprocessDataset({ dataDir, dataset }), message);
  }
  rmSync(csv);
  await assert.rejects(preprocessDataset({ dataDir, dataset }), /things\.csv[^\n]*\n.*npx guie get-data/);
  assert.equal(existsSync(join(dataDir, "final_data_224")), false);
  writeFile(csv, good);
  await assert.rejects(
    preprocessDataset({ dataDir, dataset, imageSizePx: 0.5 }),
    /whole number of pixels, it is 0.5/,
  );
});

test("if all raw images are gone it stops without rejects, and goes on when they are back", async (t) => {
  const [dataDir, whole] = [await makeThings(t), await makeThings(t)];
  const raw = join(dataDir, "raw");
  await assert.rejects(
    preprocessDataset({
      dataDir,
      dataset,
      concurrency: 1,
      onProgress: ({ done }) => done === 1 && renameSync(raw, join(dataDir, "away")),
    }),
    /cannot be read now: missing file\.\n {2}Next: Check that its disk/,
  );
  // also from the start: their folder is missing, or is a mount point without its disk
  await assert.rejects(
    preprocessDataset({ dataDir, dataset }),
    /Things\/[ab] cannot be read now: it is not there/,
  );
  for (const folder of ["a", "b", "c"]) mkdirSync(join(raw, "Things", folder), { recursive: true });
  await assert.rejects(
    preprocessDataset({ dataDir, dataset }),
    /Things\/[ab] cannot be read now: it is empty/,
  );
  for (const table of ["Things_final_224.csv", "Things_rejects.csv"])
    assert.equal(existsSync(join(dataDir, "final_data_224", table)), false, table);

  rmSync(raw, { recursive: true });
  renameSync(join(dataDir, "away"), raw);
  assert.deepEqual(
    await preprocessDataset({ dataDir, dataset }),
    await preprocessDataset({ dataDir: whole, dataset }),
  );
  for (const name of readdirSync(imagesOf(whole)))
    assert.deepEqual(readFileSync(join(imagesOf(dataDir), name)), readFileSync(join(imagesOf(whole), name)));
});

test("if raw images are deleted after a complete run, the images and the list of rejects stay", async (t) => {
  const dataDir = await makeThings(t);
  writeFile(join(dataDir, "raw/Things/c/none.jpg"), await photo(60, 60, 8));
  const first = await preprocessDataset({ dataDir, dataset });
  const rejects = textOf(dataDir, "final_data_224/Things_rejects.csv");
  assert.match(rejects, /cut\.jpg,5,truncated/);
  rmSync(join(dataDir, "raw"), { recursive: true });
  assert.deepEqual(await preprocessDataset({ dataDir, dataset }), first);
  assert.equal(textOf(dataDir, "final_data_224/Things_rejects.csv"), rejects);
});

test("images of a replaced raw folder are made again although its files are older; a fixed reject is accepted", async (t) => {
  const dataDir = await makeThings(t);
  await preprocessDataset({ dataDir, dataset });
  const old = readFileSync(join(imagesOf(dataDir), "a+1.jpg"));
  const other = join(dataDir, "raw/Things/other");
  cpSync(join(dataDir, "raw/Things/a"), other, { recursive: true });
  writeFile(join(other, "1.jpg"), await photo(300, 260, 77));
  for (const name of readdirSync(other)) utimesSync(join(other, name), 1, 1);
  renameSync(join(dataDir, "raw/Things/a"), join(dataDir, "raw/Things/before"));
  renameSync(other, join(dataDir, "raw/Things/a"));
  writeFile(join(dataDir, "raw/Things/b/cut.jpg"), await photo(30, 30, 6));
  const result = await preprocessDataset({ dataDir, dataset });
  assert.deepEqual([result.rowsOut, result.rejected], [5, 1]);
  assert.notDeepEqual(readFileSync(join(imagesOf(dataDir), "a+1.jpg")), old);
  assert.doesNotMatch(textOf(dataDir, "final_data_224/Things_rejects.csv"), /cut/);
});

test("Interrupt stops it between two images, and finished images stay", async (t) => {
  const dataDir = await makeThings(t);
  t.after(clearInterrupt);
  // the thread has two images at any time
  const stopAtFirst = ({ done }: { done: number }) => done === 1 && requestInterrupt();
  await assert.rejects(preprocessDataset({ dataDir, dataset, concurrency: 1, onProgress: stopAtFirst }), {
    name: "Interrupted",
  });
  const written = readdirSync(imagesOf(dataDir)).length;
  assert.ok(written >= 1 && written <= 4, `${written}`);
  assert.equal((await preprocessDataset({ dataDir, dataset })).rowsOut, 4);
});

test("a second process on the same data set is refused; a file that is not temporary stays", async (t) => {
  const dataDir = await makeThings(t);
  const first = preprocessDataset({ dataDir, dataset });
  await assert.rejects(
    preprocessDataset({ dataDir, dataset }),
    /Data_preprocessing in .*Things is under way \(process \d+/,
  );
  assert.equal((await first).rowsOut, 4);
  writeFile(join(imagesOf(dataDir), "notes.tmp"), "mine");
  writeFile(join(imagesOf(dataDir), "a+1.jpg.12.0123abcd.tmp"), "left by a killed process");
  await assert.rejects(preprocessDataset({ dataDir, dataset }), /holds 5 files, but 4 rows were written/);
  assert.ok(existsSync(join(imagesOf(dataDir), "notes.tmp")));
});
