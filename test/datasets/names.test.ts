// Names in any form of Unicode, and in any encoding of an archive.
import assert from "node:assert/strict";
import { readFileSync, rmSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { readingOf } from "guie/dist/datasets/archives/zip_names";
import { findDataSet } from "guie/dist/datasets/catalogue";
import { getData } from "guie/dist/datasets/get_data";
import { readImageList } from "guie/dist/features/image_list";
import { preprocessDataset } from "guie/dist/preprocessing/preprocess";
import { findClasses } from "guie/dist/tables/find_classes";
import { mergeTables } from "guie/dist/tables/merge_tables";
import { type MadeEntry, makeZip } from "./make_archives";
import { readLines, temporaryDataDir, writeFiles } from "./miniature";

const NFC = "K\u00e4se";
const NFD = "Ka\u0308se";

test("two forms of a name are one class, and one image", async (t) => {
  const dataDir = temporaryDataDir(t);
  writeFiles(join(dataDir, "raw/Food2021"), [
    `${NFC}/1.jpg`,
    `${NFD}/1.jpg`,
    `${NFD}/2.jpg`,
    `${NFC}/3.jpg`,
    "Zitrone/1.jpg",
  ]);
  const { rows, classes, leftOut, csv } = await getData(dataDir, "Food2021");
  assert.deepEqual([rows, classes], [4, 2]);
  assert.deepEqual(readLines(join(dataDir, "csv/Food2021_classes.csv")), [
    "labels,class_name",
    `0,${NFC}`,
    "1,Zitrone",
  ]);
  assert.deepEqual(leftOut, [
    { file: `${NFC}/1.jpg`, reason: "its name came before, in another form of Unicode" },
  ]);
  assert.deepEqual(readLines(csv).slice(1), [
    `raw/Food2021/${NFD}/1.jpg,0`,
    `raw/Food2021/${NFD}/2.jpg,0`,
    `raw/Food2021/${NFC}/3.jpg,0`,
    "raw/Food2021/Zitrone/1.jpg,1",
  ]);
});

test("images are found if the table and the disk use different forms of Unicode", async (t) => {
  const dataDir = temporaryDataDir(t);
  writeFiles(join(dataDir, "raw/JD_Products_10K"), {
    "train.csv": `name,class,group\n${NFC}/1.jpg,0,0\n${NFD}/2.jpg,1,0\n`,
  });
  writeFiles(join(dataDir, "raw/JD_Products_10K/train"), [`${NFD}/1.jpg`, `${NFD}/2.jpg`]);
  const { rows, csv } = await getData(dataDir, "JD_Products_10K");
  assert.equal(rows, 2);
  assert.equal(readLines(csv)[1], `raw/JD_Products_10K/train/${NFD}/1.jpg,0`);

  const list = join(dataDir, "list.csv");
  writeFiles(dataDir, {
    "list.csv": `image_files\nraw/JD_Products_10K/train/${NFC}/1.jpg\n`,
    "list.txt": `raw/JD_Products_10K/train/${NFC}/1.jpg\n`,
  });
  for (const source of [list, join(dataDir, "list.txt")]) {
    const { rows: images } = await readImageList(source, dataDir);
    assert.deepEqual([...images.files], [`raw/JD_Products_10K/train/${NFD}/1.jpg`]);
  }

  writeFiles(dataDir, { "csv/things.csv": `image_files,labels\nraw/JD_Products_10K/train/${NFC}/1.jpg,0\n` });
  const made = await preprocessDataset({
    dataDir,
    dataset: { name: "things", folder: "Things", smallestClass: 1 },
  });
  assert.deepEqual([made.rowsOut, made.rejected], [1, 0]);
});

test("an archive of a Mac: names get one form, and classes are found by any form", async (t) => {
  const dataDir = temporaryDataDir(t);
  const photo = readPhoto(t);
  const entries = [NFC, NFD].map((name, i): MadeEntry => ({ path: `${name}/${i}.jpg`, content: photo }));
  writeFiles(join(dataDir, "raw/Food2021"), { "a.zip": makeZip(entries) });
  const { classes, rows, notes } = await getData(dataDir, "Food2021");
  assert.deepEqual([classes, rows, notes], [1, 2, []]);
  const dataset = { ...findDataSet("Food2021"), smallestClass: 1 };
  await preprocessDataset({ dataDir, dataset });
  await mergeTables({ dataDir, datasets: [dataset] });
  for (const name of [NFC, NFD]) assert.equal((await findClasses(dataDir, name))[0]!.className, NFC);
});

function readPhoto(t: TestContext): Buffer {
  const folder = temporaryDataDir(t);
  writeFiles(folder, ["1.jpg"]);
  return readFileSync(join(folder, "1.jpg"));
}

/** Names as written by systems without Unicode: bytes from Python's `name.encode(encoding).hex()`. */
const ENCODED: Record<string, [name: string, hex: string][]> = {
  gbk: [
    ["可口可乐", "bfc9bfdabfc9c0d6"],
    ["农夫山泉", "c5a9b7f2c9bdc8aa"],
    ["旺仔牛奶-330ml", "cdfad7d0c5a3c4cc2d3333306d6c"],
  ],
  shift_jis: [
    ["りんご", "82e882f182b2"],
    ["コカコーラ", "8352834a8352815b8389"],
    ["緑茶", "97ce9283"],
  ],
  "windows-1252": [
    ["Käse", "4be47365"],
    ["Äpfel rot", "c47066656c20726f74"],
    ["Crème brûlée", "4372e86d65206272fb6ce965"],
  ],
  cp437: [
    ["Käse", "4b847365"],
    ["château", "63688374656175"],
    ["Jalapeño", "4a616c617065a46f"],
  ],
  big5: [
    ["可口可樂", "a569a466a569bcd6"],
    ["蘋果", "c4abaa47"],
  ],
  "windows-1251": [["Молоко", "cceeebeeeaee"]],
  "utf-8": [["Käse", "4bc3a47365"]],
};

test("names without an encoding: it is guessed from all names, by letters used together", () => {
  for (const [encoding, names] of Object.entries(ENCODED)) {
    for (const [name, hex] of names) {
      const reading = readingOf([Buffer.from("train/1.jpg"), Buffer.from(hex, "hex")]);
      assert.deepEqual(reading, { encoding, guessed: true, example: name });
    }
  }
  assert.equal(readingOf([Buffer.from("train/1.jpg")]), undefined);
});

/** Returns a ZIP archive with names of unmarked encoding. */
function zipWithoutFlag(names: readonly Buffer[], content: Buffer): Buffer {
  const zip = makeZip(names.map((path) => ({ path, content })));
  const FLAGS_BY_SIGNATURE = { "PK\x03\x04": 6, "PK\x01\x02": 8 };
  for (const [signature, at] of Object.entries(FLAGS_BY_SIGNATURE))
    for (let i = zip.indexOf(signature, 0, "latin1"); i >= 0; i = zip.indexOf(signature, i + 4, "latin1"))
      zip.writeUInt16LE(0, i + at);
  return zip;
}

test("an archive with names in GBK: guessed and reported, or by option; never unpacked again in another encoding", async (t) => {
  const photo = readPhoto(t);
  const names = ["train", "test"].flatMap((split) =>
    ENCODED.gbk!.map(([, hex]) =>
      Buffer.concat([Buffer.from(`${split}/`), Buffer.from(hex, "hex"), Buffer.from("/1.jpg")]),
    ),
  );
  const zip = zipWithoutFlag(names, photo);
  const dataDir = temporaryDataDir(t);
  writeFiles(join(dataDir, "raw/rp2k"), { "a.zip": zip });
  const { notes, classes } = await getData(dataDir, "rp2k");
  assert.equal(classes, 3);
  const lines = readLines(join(dataDir, "csv/rp2k_classes.csv")).slice(1);
  assert.deepEqual(lines.map((line) => line.split(",")[1]).sort(), ENCODED.gbk!.map(([name]) => name).sort());
  assert.match(
    notes[0]!,
    /a\.zip: its names do not say their encoding; they were read as gbk, for example "train\/.+"\. .*--zip-encoding/,
  );
  assert.deepEqual((await getData(dataDir, "rp2k", { zipEncoding: "gbk" })).notes, []);
  await assert.rejects(
    getData(dataDir, "rp2k", { zipEncoding: "cp437" }),
    /unpacked before, with its names read as gbk[\s\S]*Delete/,
  );

  const other = temporaryDataDir(t);
  writeFiles(join(other, "raw/rp2k"), { "a.zip": zip });
  await assert.rejects(
    getData(other, "rp2k", { zipEncoding: "klingon" }),
    /"klingon" is not a known encoding/,
  );
  await assert.rejects(
    getData(other, "rp2k", { zipEncoding: "utf-8" }),
    /The name ".*" \(read as latin-1\) is not utf-8 text/,
  );
  await getData(other, "rp2k", { zipEncoding: "cp437" });
  assert.match(readFileSync(join(other, "csv/rp2k_classes.csv"), "utf8"), /┼⌐╖≥╔╜╚¬/);
});

test("a class folder added before a merge without preprocessing is refused: names would shift", async (t) => {
  const dataDir = temporaryDataDir(t);
  const dataset = { ...findDataSet("Food2021"), smallestClass: 1 };
  const raw = join(dataDir, "raw/Food2021");
  writeFiles(raw, ["b/1.jpg", "b/2.jpg", "c/1.jpg", "c/2.jpg"]);
  await getData(dataDir, "Food2021");
  await preprocessDataset({ dataDir, dataset });
  await mergeTables({ dataDir, datasets: [dataset] });
  const namesOf = () => readLines(join(dataDir, "final_data_224_classes.csv")).slice(1);
  assert.deepEqual(namesOf(), ["0,Food2021,0,b", "1,Food2021,1,c"]);

  writeFiles(raw, ["a/1.jpg", "a/2.jpg"]);
  await getData(dataDir, "Food2021");
  const merge = () => mergeTables({ dataDir, datasets: [dataset] });
  const refusal =
    /Food2021_classes\.csv has other classes, or other numbers for them, than .*Food2021_final_224\.csv[\s\S]*npx guie preprocess --dataset Food2021/;
  await assert.rejects(merge(), refusal);
  // For older tables without names next to them, the times decide.
  const kept = join(dataDir, "final_data_224/Food2021_classes.csv");
  rmSync(kept);
  const { mtimeMs } = statSync(join(dataDir, "final_data_224/Food2021_final_224.csv"));
  const later = new Date(mtimeMs + 60_000);
  utimesSync(join(dataDir, "csv/Food2021_classes.csv"), later, later);
  await assert.rejects(merge(), refusal);

  await preprocessDataset({ dataDir, dataset });
  await merge();
  assert.deepEqual(namesOf(), ["0,Food2021,0,a", "1,Food2021,1,b", "2,Food2021,2,c"]);
});
