// A person's own data sets: from get-data to merge, names, refusals, what is written and what is not.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { readCsv } from "guie/dist/common/csv/csv";
import { installPath } from "guie/dist/common/project";
import { allDataSets, findDataSet } from "guie/dist/datasets/catalogue";
import { readClassNames } from "guie/dist/datasets/class_names";
import { getData, getDataOfAll, presentDataSets } from "guie/dist/datasets/get_data";
import { getPhotos, recognisePhotos } from "guie/dist/datasets/get_photos";
import type { OwnSource } from "guie/dist/datasets/own/own_images";
import { readOwnImages } from "guie/dist/datasets/own/read_own_images";
import { ownNameOf } from "guie/dist/datasets/own_sets";
import { describeRaw } from "guie/dist/datasets/raw_folder";
import { readImageRows } from "guie/dist/datasets/rows";
import { unreadRaw, unreadTables } from "guie/dist/datasets/unknown_files";
import { preprocessDataSets } from "guie/dist/preprocessing/preprocess";
import { preparedDataSets, preprocessedDataSets } from "guie/dist/preprocessing/present_data_sets";
import { classBalance } from "guie/dist/tables/balance";
import { mergeTables } from "guie/dist/tables/merge_tables";
import sharp from "sharp";
import { temporaryFolder, writeFile } from "../folders";
import { makeZip } from "./make_archives";
import { readLines, writeFiles } from "./miniature";

const CLASSES = ["007", "crème brûlée", "true", "100% #1"];
const IMAGES_PER_CLASS = 3;

/** Writes photos as class folders, and the same photos flat with a table of text labels. */
async function writeShop(folder: string): Promise<void> {
  const lines = ["file,label"];
  for (const [c, name] of CLASSES.entries())
    for (let i = 0; i < IMAGES_PER_CLASS; i++) {
      const jpeg = await sharp({
        create: { width: 30, height: 20, channels: 3, background: `hsl(${90 * c + 9 * i}, 80%, 50%)` },
      })
        .jpeg()
        .toBuffer();
      writeFile(join(folder, "tree", name, `IMG ${i}.JPG`), jpeg);
      writeFile(join(folder, "flat", `${9 - i}${c}.jpg`), jpeg);
      lines.push(`${9 - i}${c}.jpg,${name}`);
    }
  writeFile(join(folder, "tree/alone/only.jpg"), "x");
  writeFile(join(folder, "tree/notes.txt"), "x");
  writeFile(join(folder, "tree/old.zip"), makeZip([{ path: "more/1.jpg", content: "x" }]));
  writeFile(join(folder, "flat/only.jpg"), "x");
  writeFile(join(folder, "labels.csv"), [...lines, "only.jpg,alone"].join("\n"));
}

/** Lists everything below a folder. */
const listing = (folder: string) =>
  existsSync(folder) ? readdirSync(folder, { recursive: true }).sort() : [];

const guie = (...args: string[]) =>
  promisify(execFile)(process.execPath, [installPath("lib/bin/guie.js"), ...args]);

test("own photos go from get-data to merge next to one of the 14; both layouts give the same classes", async (t) => {
  const folder = temporaryFolder(t);
  await writeShop(folder);
  const before = listing(folder);
  const dataDir = join(temporaryFolder(t), "data");
  for (const c of ["b", "a"])
    for (let i = 0; i < 5; i++)
      writeFile(join(dataDir, `raw/Food2021/${c}/${i}.jpg`), readFileSync(join(folder, "flat/90.jpg")));
  const tree = await getPhotos(dataDir, "shop", { source: join(folder, "tree") });
  const table = join(folder, "labels.csv");
  await getPhotos(dataDir, "same shop", { source: table, root: join(folder, "flat") });
  assert.deepEqual([tree.classes, tree.rows, tree.largeClasses], [5, 13, 4]);
  assert.deepEqual(
    tree.leftOut.map(({ file }) => file),
    ["notes.txt", "old.zip"],
  );
  assert.deepEqual(
    presentDataSets(dataDir).map(({ number, name }) => `${number} ${name}`),
    ["14 Food2021", "15 shop", "16 same shop"],
  );
  assert.equal(unreadRaw(dataDir), undefined);
  await getDataOfAll(
    dataDir,
    presentDataSets(dataDir).map(({ name }) => name),
  );
  assert.equal(unreadTables(dataDir), undefined);
  const names = ["007", "100% #1", "alone", "crème brûlée", "true"];
  for (const name of ["shop", "same shop"])
    assert.deepEqual([...(await readClassNames(join(dataDir, `csv/${name}_classes.csv`))).values()], names);
  assert.deepEqual((await readImageRows(tree.csv)).slice(0, 2), [
    { imageFile: "raw/shop/007/IMG 0.JPG", label: 0 },
    { imageFile: "raw/shop/007/IMG 1.JPG", label: 0 },
  ]);
  await preprocessDataSets(preparedDataSets(dataDir), { dataDir });
  const balance = await classBalance(dataDir, preprocessedDataSets(dataDir), ["raw"]);
  assert.ok(JSON.stringify(balance).includes('"same shop"'), JSON.stringify(balance));
  await mergeTables({ dataDir, datasets: preprocessedDataSets(dataDir), folds: 2, minPerClass: 1 });
  const classes = await readCsv(join(dataDir, "final_data_224_classes.csv"), ["new_labels"]);
  const kept = names.filter((name) => name !== "alone");
  assert.deepEqual(
    classes.map((row) => `${row.new_labels} ${row.dataset} ${row.class_name}`),
    [
      ...["a", "b"].map((name, i) => `${i} Food2021 ${name}`),
      ...kept.map((name, i) => `${i + 2} shop ${name}`),
      ...kept.map((name, i) => `${i + 6} same shop ${name}`),
    ],
  );
  assert.equal(readLines(join(dataDir, "final_data_224.csv")).length, 1 + 10 + 12 + 12);
  assert.deepEqual(listing(folder), before, "the photos' folders are unchanged");
});

test("the command says what is recognised before it writes; --dry-run writes nothing", async (t) => {
  const folder = temporaryFolder(t);
  await writeShop(folder);
  const dataDir = join(folder, "data");
  const args = ["get-data", "--data-dir", dataDir, "--dataset", "shop", "--raw", join(folder, "tree")];
  const plan = await guie(...args, "--dry-run");
  assert.match(plan.stdout, /^class folders, 5 classes, 13 images\n/);
  assert.match(plan.stdout, /crème brûlée +3 +crème brûlée\/IMG 0\.JPG/);
  assert.match(plan.stdout, /Nothing was written\. To read them as shop: leave --dry-run out/);
  assert.equal(existsSync(dataDir), false);
  const { stdout, stderr } = await guie(...args);
  assert.match(
    stderr,
    /^shop: .*tree\n {2}class folders, 5 classes, 13 images\n[\s\S]*2 files are left out: notes\.txt \(no image\), old\.zip \(an archive/,
  );
  assert.match(stdout, /shop +5 +13 +4\n/);
  assert.equal(readlinkSync(join(dataDir, "raw/shop")), join(folder, "tree"));
  const { dataSets } = JSON.parse(readFileSync(join(dataDir, "data_sets.json"), "utf8"));
  assert.deepEqual(dataSets, [{ number: 15, name: "shop", source: join(folder, "tree") }]);
  // The same again, and by name alone, reads the same photos.
  assert.match((await guie("get-data", "--data-dir", dataDir, "--json")).stdout, /"dataset":"shop"/);
  await guie("get-data", "--data-dir", dataDir, "--dataset", "shop", "--class-level", "1");
  assert.equal(JSON.parse(readFileSync(join(dataDir, "data_sets.json"), "utf8")).dataSets[0].classLevel, 1);
  assert.match(describeRaw(dataDir, "shop"), /shop \(shop\): complete/);
  // A folder in raw/ needs no --raw.
  writeFiles(join(dataDir, "raw/more"), ["x/1.jpg", "y/1.jpg"]);
  assert.match((await guie("get-data", "--data-dir", dataDir, "--dataset", "more")).stdout, /more +2 +2 +0/);
  assert.equal(findDataSet("more", dataDir).number, 16);
  const { stdout: preprocessed } = await guie(
    "preprocess",
    "--data-dir",
    dataDir,
    "--dataset",
    "shop",
    "--json",
  );
  assert.equal(JSON.parse(preprocessed).datasets[0].classesOut, 4);
});

test("splits are kept in a table, which goes when the source has none any more", async (t) => {
  const folder = temporaryFolder(t);
  writeFiles(folder, ["p/train/a/1.jpg", "p/train/b/1.jpg", "p/val/a/2.jpg", "p/val/b/2.jpg"]);
  const dataDir = join(folder, "data");
  const { splitsCsv, notes } = await getPhotos(dataDir, "s", { source: join(folder, "p") });
  assert.deepEqual(readLines(splitsCsv!), [
    "image_files,split",
    "raw/s/train/a/1.jpg,train",
    "raw/s/val/a/2.jpg,validation",
    "raw/s/train/b/1.jpg,train",
    "raw/s/val/b/2.jpg,validation",
  ]);
  assert.ok(notes.some((note) => /csv\/s_splits\.csv; Data_Merge draws its own folds/.test(note)));
  renameSync(join(folder, "p/val"), join(folder, "p/more"));
  renameSync(join(folder, "p/train"), join(folder, "p/most"));
  assert.equal((await getData(dataDir, "s")).splitsCsv, undefined);
  assert.equal(existsSync(splitsCsv!), false);
});

test("photos that were moved are named; a changed source in data_sets.json links anew", async (t) => {
  const folder = temporaryFolder(t);
  writeFiles(folder, ["old/a/1.jpg", "old/b/1.jpg"]);
  const dataDir = join(folder, "data");
  await getPhotos(dataDir, "s", { source: join(folder, "old") });
  renameSync(join(folder, "old"), join(folder, "new"));
  await assert.rejects(getData(dataDir, "s"), {
    name: "UserError",
    message:
      /The photos of s are expected in .*old: there is nothing\.\n {2}Next: .*"source" of s in .*data\/data_sets\.json/,
  });
  const file = join(dataDir, "data_sets.json");
  writeFile(file, readFileSync(file, "utf8").replace("/old", "/new"));
  assert.equal((await getData(dataDir, "s")).rows, 2);
  assert.equal(readlinkSync(join(dataDir, "raw/s")), join(folder, "new"));
});

interface Refusal {
  what: string;
  files: readonly string[] | Readonly<Record<string, string>>;
  source?: Partial<OwnSource>;
  message: RegExp;
}

const COCO = (json: object) => ({ "a.json": JSON.stringify(json), "a.jpg": "x" });

const REFUSALS: readonly Refusal[] = [
  {
    what: "a missing folder",
    files: [],
    source: { source: "none" },
    message: /Expected a folder of photos, or a table of them, at .*none: there is none/,
  },
  {
    what: "a folder without images",
    files: ["notes.txt"],
    message: /holds no images; it holds: notes\.txt\.\n {2}Next: .*\.heic/,
  },
  {
    what: "photos without classes",
    files: ["1.jpg"],
    message:
      /flat folder, no classes, 1 image: nothing says which class[\s\S]*folder of its own; [\s\S]*--pattern '\{class\}_\{n\}\.jpg'[\s\S]*npx guie serve \S+ \(search\), npx guie find QUERY --in \S+, npx guie embed/,
  },
  {
    what: "an archive that cannot be unpacked",
    files: { "p.7z": "x" },
    source: { source: "p.7z" },
    message: /no folder of photos and no table[\s\S]*Next: Unpack it/,
  },
  {
    what: "a damaged archive",
    files: { "p.zip": "x" },
    source: { source: "p.zip" },
    message: /p\/p\.zip was not unpacked: by its first bytes, it is not a ZIP/,
  },
  {
    what: "a project of the VGG Image Annotator",
    files: { "a.jpg": "x", "via.json": '{"_via_settings":{},"_via_img_metadata":{}}' },
    source: { source: "via.json" },
    message:
      /via\.json is an export of the VGG Image Annotator.*\n {2}Next: In VIA: .*COCO.*columns file,class/,
  },
  {
    what: "its annotations as JSON",
    files: { "a.jpg": "x", "via.json": '{"a.jpg4":{"filename":"a.jpg","size":4,"regions":[]}}' },
    source: { source: "via.json" },
    message: /an export of the VGG Image Annotator/,
  },
  {
    what: "its annotations as CSV",
    files: {
      "a.jpg": "x",
      "via.csv":
        'filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes\na.jpg,4,"{}",0,0,"{}","{}"\n',
    },
    source: { source: "via.csv" },
    message: /an export of the VGG Image Annotator/,
  },
  {
    what: "an export of Label Studio",
    files: {
      "a.jpg": "x",
      "tasks.json":
        '[{"id":1,"annotations":[{"result":[{"from_name":"choice","value":{"choices":["kiwi"]}}]}],"data":{"image":"a.jpg"}}]',
    },
    source: { source: "tasks.json" },
    message:
      /tasks\.json is an export of Label Studio.*\n {2}Next: .*Export, CSV.*--image-column image --class-column choice/,
  },
  {
    what: "a spreadsheet",
    files: { "p.xlsx": "x" },
    source: { source: "p.xlsx" },
    message: /Next: Save it as CSV/,
  },
  {
    what: "a level that no image has",
    files: ["a/1.jpg"],
    source: { classLevel: 3 },
    message: /no image lies 3 folders deep/,
  },
  { what: "level 0", files: ["a/1.jpg"], source: { classLevel: 0 }, message: /whole number from 1, it is 0/ },
  {
    what: "a level and a pattern",
    files: ["a/1.jpg"],
    source: { classLevel: 1, pattern: "{class}" },
    message: /Both the class level and the pattern/,
  },
  {
    what: "a root of a folder",
    files: ["a/1.jpg"],
    source: { root: "." },
    message: /The root is for tables: .* is a folder/,
  },
  {
    what: "columns without a table",
    files: ["a/1.jpg"],
    source: { classColumn: "x" },
    message: /columns are named, but its images are read as class folders/,
  },
  {
    what: "a pattern that fits no name",
    files: ["a.jpg"],
    source: { pattern: "{class}_{n}.jpg" },
    message: /no image's name fits the pattern "\{class\}_\{n\}\.jpg"; there are: a\.jpg/,
  },
  {
    what: "a pattern without class",
    files: ["a.jpg"],
    source: { pattern: "{n}.jpg" },
    message: /must have \{class\} once, it has it 0 times/,
  },
  {
    what: "an unknown placeholder",
    files: ["a.jpg"],
    source: { pattern: "{class}{id}" },
    message: /has \{id\}; there are: \{class\} \{split\} \{n\} \{any\}/,
  },
  {
    what: "two texts side by side",
    files: ["a.jpg"],
    source: { pattern: "{class}{any}" },
    message: /two placeholders side by side/,
  },
  {
    what: "a table without images",
    files: { "t.csv": "a,b\n1,2\n" },
    source: { source: "t.csv" },
    message: /no column names image files; it has: a, b\.\n {2}Next: .*--image-column/,
  },
  {
    what: "a table with a column missing",
    files: { "t.csv": "file,b\na.jpg,2\n" },
    source: { source: "t.csv", classColumn: "kind" },
    message: /lacks the column "kind"; it has: file, b\.\n {2}Next: .*classColumn/,
  },
  {
    what: "a table without a class",
    files: { "t.csv": "file,w,h\na.jpg,2,3\n", "a.jpg": "x" },
    source: { source: "t.csv" },
    message: /no classes, 1 image: nothing says[\s\S]*columns: file names the images; not used: w, h/,
  },
  {
    what: "a table without files",
    files: { "t.csv": "file,label\nno.jpg,2\n" },
    source: { source: "t.csv" },
    message:
      /t\.csv names 1 image, none of which is there; the first was expected at .*\/no\.jpg[\s\S]*--root/,
  },
  {
    what: "paths outside of the root",
    files: { "t/t.csv": "file,label\n../a.jpg,2\n", "a.jpg": "x" },
    source: { source: "t/t.csv" },
    message: /row 1: the image "\.\.\/a\.jpg" lies outside of .*\/t\.\n {2}Next: .*--root \/[^)]*[^t]\)/,
  },
  {
    what: "addresses",
    files: { "t.csv": "image,label\nhttps://a/b.jpg,2\n" },
    source: { source: "t.csv" },
    message: /holds addresses \(https:\/\/a\/b\.jpg\), not files/,
  },
  {
    what: "an image of two classes",
    files: { "t.csv": "file,label\na.jpg,1\n./a.jpg,2\n", "a.jpg": "x" },
    source: { source: "t.csv" },
    message: /has the label 1 in row 1 and 2 in row 2/,
  },
  {
    what: "a column that holds no splits",
    files: { "t.csv": "file,label,part\na.jpg,1,x\n", "a.jpg": "x" },
    source: { source: "t.csv", splitColumn: "part" },
    message: /holds "x", which is no split/,
  },
  {
    what: "a table that is no UTF-8",
    files: { "t.csv": Buffer.from("file,label\nB\xe4r.jpg,1\n", "latin1").toString("latin1") },
    source: { source: "t.csv" },
    message: /names 1 image, none of which is there/,
  },
  {
    what: "an empty table",
    files: { "t.csv": "file,label\n" },
    source: { source: "t.csv" },
    message: /holds no rows/,
  },
  {
    what: "broken JSON lines",
    files: { "t.jsonl": '{"file": "a.jpg"}\n{x\n' },
    source: { source: "t.jsonl" },
    message: /t\.jsonl, object 2 is not readable JSON/,
  },
  {
    what: "a JSON of something else",
    files: { "t.json": '{"a": 1}' },
    source: { source: "t.json" },
    message: /neither COCO annotations nor a list of objects/,
  },
  {
    what: "COCO with an unnamed category",
    files: COCO({
      images: [{ id: 1, file_name: "a.jpg" }],
      annotations: [{ image_id: 1, category_id: 3 }],
      categories: [{ id: 2, name: "x" }],
    }),
    source: { source: "a.json" },
    message: /a\.jpg has the category 3, which the list "categories" does not name/,
  },
];

function sourceIn(folder: string, source: Partial<OwnSource>): OwnSource {
  const root = source.root === undefined ? {} : { root: join(folder, source.root) };
  return { ...source, ...root, source: join(folder, source.source ?? "") };
}

for (const { what, files, source = {}, message } of REFUSALS) {
  test(`own photos: ${what}: refused, nothing is written`, async (t: TestContext) => {
    const folder = temporaryFolder(t);
    writeFiles(join(folder, "p"), files);
    const dataDir = join(folder, "data");
    const refused = getPhotos(dataDir, "shop", sourceIn(join(folder, "p"), source));
    await assert.rejects(refused, (error: Error) => {
      assert.equal(error.name, "UserError", error.stack);
      assert.match(error.message, message);
      return true;
    });
    assert.equal(existsSync(dataDir), false);
  });
}

test("own photos: names are checked, and a name or table that is taken stays", async (t) => {
  const folder = temporaryFolder(t);
  writeFiles(folder, ["p/a/1.jpg", "p/b/1.jpg", "q/a/1.jpg"]);
  const dataDir = join(folder, "data");
  const source = { source: join(folder, "p") };
  for (const [name, message] of [
    ["a/b", /no other characters/],
    ["..", /no other characters/],
    ["a,b", /no other characters/],
    [" a", /no other characters/],
    ["", /no other characters/],
    ["rp2k", /it is the name of the data set rp2k\.\n {2}Next: .*my_rp2k/],
    ["food2022", /the name of the data set Food2022/],
    ["shop_classes", /its ending is that of other tables/],
    ["ä".repeat(41), /more than 80 bytes/],
    ["Käse".normalize("NFD"), /NFC/],
  ] as const)
    await assert.rejects(recognisePhotos(dataDir, name, source), { name: "UserError", message });
  assert.equal(existsSync(dataDir), false);
  await getPhotos(dataDir, "Käse 1.0_x", source);
  await assert.rejects(getPhotos(dataDir, "Käse 1.0_x", { source: join(folder, "q") }), {
    message: /is the name of other photos in .*data_sets\.json: .*\/p\.\n {2}Next: Choose another name/,
  });
  writeFile(join(dataDir, "csv/mine.csv"), "image_files,labels\n");
  await assert.rejects(getPhotos(dataDir, "mine", source), /mine\.csv is there already[\s\S]*it stays/);
  writeFiles(join(dataDir, "raw/there"), ["x/1.jpg"]);
  await assert.rejects(getPhotos(dataDir, "there", source), /raw\/there is there already and is not/);
  assert.deepEqual(
    allDataSets(dataDir)
      .slice(14)
      .map(({ name }) => name),
    ["Käse 1.0_x"],
  );
  writeFile(join(dataDir, "data_sets.json"), '{"dataSets": [{"number": 15, "name": "../x", "source": "/"}]}');
  assert.throws(
    () => allDataSets(dataDir),
    /data_sets\.json does not fit: dataSets\.0\.name: no name of a data set/,
  );
  for (const [path, name] of [
    ["~/My photos (2024)/", "My_photos_2024"],
    ["/a/b.csv", "b"],
    ["...", "photos"],
    ["/x/shop_classes.csv", "shop_classes_photos"],
    ["ä".repeat(60), "ä".repeat(40)],
  ] as const)
    assert.equal(ownNameOf(path), name);
});

test("own photos: one class, and classes of one image, are read and said", async (t) => {
  const folder = temporaryFolder(t);
  writeFiles(folder, ["apple/1.jpg", "apple/2.jpg"]);
  const { said, classes } = await readOwnImages({ source: folder, labels: true });
  assert.deepEqual([said[0], classes], ["class folders, 1 class, 2 images", ["apple", "apple"]]);
  rmSync(join(folder, "apple/2.jpg"));
  assert.ok(
    (await readOwnImages({ source: folder })).said.includes(
      "1 class of one image, too few to learn from: apple",
    ),
  );
});

const GROCERY = process.env.GUIE_GROCERY ?? installPath("../shared/data/GroceryStoreDataset");
const skip =
  !existsSync(join(GROCERY, "dataset")) && `no Grocery Store photos at ${GROCERY} (set GUIE_GROCERY)`;

test("the real Grocery Store photos, read as own photos, are the 81 classes of their own lists", {
  skip,
}, async (t) => {
  const folder = temporaryFolder(t);
  for (const split of ["train", "val", "test"])
    symlinkSync(join(GROCERY, "dataset", split), join(folder, split));
  const { said, files, classes } = await readOwnImages({ source: folder, labels: true });
  assert.deepEqual(said.slice(0, 3), [
    "nested class folders in splits, 81 classes, 5,421 images",
    "splits: 2,640 train, 296 validation, 2,485 test",
    "1 class with another folder in another split: Brown-Cap-Mushroom",
  ]);
  const dataDir = temporaryFolder(t);
  symlinkSync(folder, join(mkdirSync(join(dataDir, "raw"), { recursive: true })!, "Fruit"));
  const fruit = await getData(dataDir, "Fruit");
  const names = await readClassNames(fruit.classesCsv);
  const rows = await readImageRows(fruit.csv);
  const wanted = rows.map(
    ({ imageFile, label }) => `${imageFile.slice("raw/Fruit/".length)} ${names.get(label)}`,
  );
  assert.deepEqual(files.map((file, i) => `${file} ${classes![i]}`).sort(), wanted.sort());
});
