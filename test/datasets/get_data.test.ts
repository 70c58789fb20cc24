// Get_Data: faults of raw folders, CSV files, the command line, the catalogue.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { installPath } from "guie/dist/common/project";
import { DATA_SETS, findDataSet } from "guie/dist/datasets/catalogue";
import { downloadSteps } from "guie/dist/datasets/download";
import { getData } from "guie/dist/datasets/get_data";
import { readImageRows } from "guie/dist/datasets/rows";
import { preprocessDataset } from "guie/dist/preprocessing/preprocess";
import { makeZip } from "./make_archives";
import { readLines, temporaryDataDir, writeFiles } from "./miniature";

const GROCERY = process.env.GUIE_GROCERY ?? installPath("../shared/data/GroceryStoreDataset");

test("Get_Data counts the files and rows that it leaves out", async (t) => {
  const dataDir = temporaryDataDir(t);
  writeFiles(join(dataDir, "raw/Food2021"), [
    "a/1.jpg",
    "a/.DS_Store",
    "a/Thumbs.db",
    "b/1.jpg",
    "readme.txt",
  ]);
  assert.equal((await getData(dataDir, "Food2021")).skipped.harmlessFiles, 3);

  const header = "posting_id,image,image_phash,title,label_group\n";
  writeFiles(join(dataDir, "raw/Shopee"), {
    "train.csv": `${header}1,a.jpg,0,t,5\n2,a.jpg,0,t,5\n3,gone.jpg,0,t,6\n`,
    "train_images/a.jpg": "x",
  });
  const { rows, skipped } = await getData(dataDir, "Shopee");
  assert.equal(rows, 1);
  assert.deepEqual(skipped, { harmlessFiles: 0, duplicateRows: 1, missingImages: 1, unlabelledImages: 0 });
});

test("the CSV does not depend on the order in which the disk lists files", async (t) => {
  const files = Array.from({ length: 30 }, (_, i) => `c${i % 7}/${i}.jpg`);
  const [one, two] = [temporaryDataDir(t), temporaryDataDir(t)];
  writeFiles(join(one, "raw/Food2021"), files);
  writeFiles(join(two, "raw/Food2021"), files.toReversed());
  const [first, second] = [await getData(one, "Food2021"), await getData(two, "Food2021")];
  assert.deepEqual(readLines(first.csv), readLines(second.csv));
});

const FAULTS: { what: string; dataset: string; files: Record<string, string | Buffer>; message: RegExp }[] = [
  {
    what: "a missing raw folder, with where to get the data",
    dataset: "Shopee",
    files: {},
    message: /raw\/Shopee: there is no such folder[\s\S]*kaggle\.com\/competitions\/shopee-product-matching/,
  },
  {
    what: "a missing split",
    dataset: "rp2k",
    files: { "train/a/1.jpg": "x" },
    message: /Expected the folder .*rp2k\/test: there is none/,
  },
  {
    what: "an extra folder around the parts",
    dataset: "rp2k",
    files: { "rp2k_dataset/all of it/train/a/1.jpg": "x", "rp2k_dataset/all of it/test/a/2.jpg": "x" },
    message:
      /it lies deeper, in (.*\/rp2k_dataset\/all of it)\.\n {2}Next: Move it up: mv '\1'\/\* \S+raw\/rp2k\/$/,
  },
  {
    what: "an extra folder around the classes",
    dataset: "Food2021",
    files: { "food/a/1.jpg": "x", "food/b/1.jpg": "x" },
    message: /as <class>\/<image>: it lies deeper, in .*raw\/Food2021\/food\./,
  },
  {
    what: "an empty class folder",
    dataset: "Food2021",
    files: { "a/1.jpg": "x", "b/notes.txt": "x" },
    message: /Expected images in the folder .*Food2021\/b: it is empty/,
  },
  {
    what: "an image outside the layout",
    dataset: "rp2k",
    files: { "train/a/1.jpg": "x", "train/a/deeper/2.jpg": "x", "test/a/1.jpg": "x" },
    message: /train\/a\/deeper\/2\.jpg lies elsewhere/,
  },
  {
    what: "an image above the class folders",
    dataset: "Food2021",
    files: { "a/1.jpg": "x", "2.jpg": "x" },
    message: /<class>\/<image>: 2\.jpg lies elsewhere/,
  },
  {
    what: "a file name without a class",
    dataset: "Stanford_Products",
    files: { "sofa_final/222.JPG": "x" },
    message: /sofa_final\/222\.JPG lies elsewhere, its class cannot be read/,
  },
  {
    what: "a missing CSV file",
    dataset: "Landmark2021",
    files: { "train/a/b/c/abc.jpg": "x" },
    message: /Expected a CSV file at .*Landmark2021\/train\.csv/,
  },
  {
    what: "a missing column",
    dataset: "Landmark2021",
    files: { "train.csv": "id,landmark\nabc,1\n", "train/a/b/c/abc.jpg": "x" },
    message: /lacks the column "landmark_id"; it has: id, landmark/,
  },
  {
    what: "an empty label",
    dataset: "Landmark2021",
    files: { "train.csv": "id,landmark_id\nabc,1\nabd,\n", "train/a/b/c/abc.jpg": "x" },
    message: /row 2: the column "landmark_id" is empty/,
  },
  ...["-1", "shoe", "1.5", "1e3", "7 8"].map((label) => ({
    what: `the label ${JSON.stringify(label)}`,
    dataset: "Landmark2021",
    files: { "train.csv": `id,landmark_id\nabc,1\nabd,${label}\n`, "train/a/b/c/abc.jpg": "x" },
    message: /train\.csv, row 2: landmark_id must be a whole number from 0, it is "/,
  })),
  ...["../../secret.jpg", "a/../../../x.jpg"].map((name) => ({
    what: `the image path ${name}`,
    dataset: "Shopee",
    files: {
      "train.csv": `posting_id,image,image_phash,title,label_group\n1,a.jpg,0,t,5\n2,${name},0,t,5\n`,
      "train_images/a.jpg": "x",
    },
    message: /train\.csv, row 2: the image path ".*" leaves the data set's folder/,
  })),
  {
    what: "a table that is not UTF-8",
    dataset: "JD_Products_10K",
    files: { "train.csv": Buffer.from("name,class,group\nB\xe4r.jpg,0,0\n", "latin1") },
    message: /train\.csv, line 2 is not UTF-8 text: read as latin-1 it is "Bär\.jpg,0,0"[\s\S]*iconv/,
  },
  {
    what: "a row with a cell too many",
    dataset: "JD_Products_10K",
    files: { "train.csv": "name,class,group\na.jpg,0,0\nb,c.jpg,0,0\n", "train/a.jpg": "x" },
    message: /train\.csv is not a readable CSV file: .*line 3/,
  },
  {
    what: "an annotation that leaves the image folder",
    dataset: "Food2022",
    files: {
      "annotations.json":
        '{"images":[{"id":1,"file_name":"../../a.jpg"}],"annotations":[{"image_id":1,"category_id":4}],"categories":[{"id":5,"name":"x"}]}',
    },
    message: /annotations\.json, images\[0\]: the image path "\.\.\/\.\.\/a\.jpg" leaves/,
  },
  {
    what: "a table without any existing image",
    dataset: "JD_Products_10K",
    files: { "train.csv": "name,class,group\n1.jpg,0,0\n" },
    message: /None of the images .* the first was expected at .*train\/1\.jpg/,
  },
  {
    what: "annotations without a list",
    dataset: "Food2022",
    files: { "annotations.json": '{"images":[],"annotations":[]}' },
    message: /Expected the list "images" in .*annotations\.json: it is missing or empty/,
  },
  ...[
    [
      '{"images":[{"id":1,"file_name":"a.jpg"}],"annot',
      /annotations\.json is not readable JSON: it ends early, after 47 bytes/,
    ],
    ['{"images":[{"id":1,"file_name":"a.jpg"},]}', /annotations\.json is not readable JSON: Unexpected/],
    ['{"images":[{"id":"1","file_name":"a.jpg"}]}', /images\[0\]: "id" must be a whole number, it is "1"/],
    [
      '{"images":[{"id":1,"file_name":"a.jpg"},{"id":2}]}',
      /images\[1\]: "file_name" must be text, it is undefined/,
    ],
    [
      '{"annotations":[{"image_id":1,"category_id":-0.5}]}',
      /annotations\[0\]: "category_id" must be a whole number/,
    ],
    ['{"categories":[null]}', /categories\[0\]: "id" must be a whole number, it is undefined/],
  ].map(([json, message]) => ({
    what: `the annotations ${json}`,
    dataset: "Food2022",
    files: { "annotations.json": json as string },
    message: message as RegExp,
  })),
  {
    what: "a category without a name",
    dataset: "Food2022",
    files: {
      "annotations.json":
        '{"images":[{"id":1,"file_name":"a.jpg"}],"annotations":[{"image_id":1,"category_id":4}],"categories":[{"id":5,"name":"x"}]}',
      "images/a.jpg": "x",
    },
    message: /a\.jpg has the category 4, which/,
  },
];

for (const { what, dataset, files, message } of FAULTS) {
  test(`Get_Data refuses ${what}`, async (t) => {
    const dataDir = temporaryDataDir(t);
    writeFiles(join(dataDir, "raw", findDataSet(dataset).folder), files);
    await assert.rejects(getData(dataDir, dataset), (error: Error) => {
      assert.equal(error.name, "UserError");
      assert.match(error.message, message);
      return true;
    });
    assert.equal(existsSync(join(dataDir, "csv")), false, "nothing is written");
  });
}

const ODD_NAMES = ["a,b.jpg", 'say "cheese".jpg', "two\nlines.jpg", "été 例 🚗.jpg", "'.jpg"];

test("names with commas, quotes, line breaks and any script survive the CSV", async (t) => {
  const dataDir = temporaryDataDir(t);
  writeFiles(join(dataDir, "raw/Food2021"), [...ODD_NAMES.map((name) => `cl,a"ss\n1/${name}`), "b/1.jpg"]);
  const { csv, classesCsv } = await getData(dataDir, "Food2021");
  const rows = await readImageRows(csv);
  const wanted = ODD_NAMES.map((name) => ({ imageFile: `raw/Food2021/cl,a"ss\n1/${name}`, label: 1 }));
  const byName = (a: { imageFile: string }, b: { imageFile: string }) => (a.imageFile < b.imageFile ? -1 : 1);
  assert.deepEqual(rows.slice(1), wanted.sort(byName));
  assert.equal(readFileSync(classesCsv, "utf8"), 'labels,class_name\n0,b\n1,"cl,a""ss\n1"\n');
});

test("a file name that is not UTF-8 is refused by its bytes, and earlier tables stay", async (t) => {
  const dataDir = temporaryDataDir(t);
  const folder = join(dataDir, "raw/Food2021");
  writeFiles(folder, ["a/1.jpg"]);
  const before = readLines((await getData(dataDir, "Food2021")).csv);
  writeFileSync(
    Buffer.concat([Buffer.from(`${folder}/a/B`), Buffer.from([0xe4]), Buffer.from("r.jpg")]),
    "x",
  );
  await assert.rejects(getData(dataDir, "Food2021"), {
    name: "UserError",
    message: /A name in .*Food2021\/a is not UTF-8: read as latin-1 it is "Bär\.jpg"[\s\S]*convmv/,
  });
  assert.deepEqual(readLines(join(dataDir, "csv/Food2021.csv")), before);
  assert.deepEqual(readdirSync(join(dataDir, "csv")), ["Food2021.csv", "Food2021_classes.csv"]);
});

test("findDataSet takes name or folder and suggests the nearest", () => {
  assert.equal(findDataSet("food_first"), findDataSet("Food2022"));
  assert.throws(() => findDataSet("Shoppe"), /no data set "Shoppe"[\s\S]*Did you mean "Shopee"/);
});

test("guie get-data reads the existing data sets and names the others", async (t) => {
  const dataDir = temporaryDataDir(t);
  writeFiles(join(dataDir, "raw/Food2021"), ["a/1.jpg", "b/1.jpg", "b/2.jpg"]);
  const cli = installPath("lib/bin/guie.js");
  const args = [cli, "get-data", "--data-dir", dataDir];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  assert.match(stdout, /Food2021 +2 +3 +0\n/);
  assert.match(stdout, /RP2K: .*raw\/rp2k\n +from https:\/\/www\.pinlandata\.com/);
  const json = await promisify(execFile)(process.execPath, [...args, "--json", "--dataset", "Food2021"]);
  const { datasets } = JSON.parse(json.stdout);
  assert.deepEqual([datasets[0].dataset, datasets[0].classes, datasets[0].rows], ["Food2021", 2, 3]);
});

test("guie get-data --raw links a data set, and reports its existing and missing parts and how to get it", async (t) => {
  const dataDir = temporaryDataDir(t);
  const raw = join(dataDir, "somewhere else");
  writeFiles(raw, { "train.csv": "name,class,group\n1.jpg,0,0\n", "1.7z": "x", "2.zip": makeZip([]) });
  const guie = async (...args: string[]) =>
    (await promisify(execFile)(process.execPath, [installPath("lib/bin/guie.js"), "get-data", ...args]))
      .stdout;
  const args = ["--dataset", "JD_Products_10K", "--raw", raw];
  assert.equal(
    await guie(...args),
    `JD Products-10K (JD_Products_10K): incomplete
  folder   ${raw}
  there    train.csv
  missing  train
  archive  1.7z (0.0 MB) must be unpacked by hand, with 7z or unar
  archive  2.zip (0.0 MB) is unpacked when the data set is read
  terms    the rules of the competition: see the source page
  from     https://www.kaggle.com/c/products-10k
  get it   Accept the rules on https://www.kaggle.com/c/products-10k (needs a Kaggle account; its command line: pip install kaggle), then:
           kaggle competitions download -c products-10k -p '${raw}'

To read them: npx guie get-data --data-dir data/guie --dataset JD_Products_10K --raw '${raw}'
`,
  );
  assert.equal(existsSync(join(dataDir, "raw")), false);
  writeFiles(raw, ["train/1.jpg"]);
  await guie(...args, "--data-dir", dataDir);
  assert.deepEqual(readLines(join(dataDir, "csv/JD_Products_10K.csv")), [
    "image_files,labels",
    "raw/JD_Products_10K/train/1.jpg,0",
  ]);
  assert.equal(readlinkSync(join(dataDir, "raw/JD_Products_10K")), raw);
  // Another folder does not replace it.
  const others = guie("--dataset", "JD_Products_10K", "--raw", dataDir, "--data-dir", dataDir);
  await assert.rejects(others, /raw\/JD_Products_10K is there already and is not/);
  await assert.rejects(guie("--raw", raw), /--raw is the raw folder of one data set/);
});

test("every data set has download steps; data/README.md has the same catalogue", () => {
  const page = readFileSync(installPath("data/README.md"), "utf8");
  for (const set of DATA_SETS) {
    const steps = downloadSteps(set.download, set.source, "data/guie/raw/x");
    assert.ok(
      steps.some((step) => step.includes("data/guie/raw/x")),
      set.name,
    );
    const columns = [
      set.number,
      set.title,
      `\`${set.folder}\``,
      `\`${set.layout}\``,
      set.smallestClass,
      set.licence,
      set.source,
    ];
    assert.ok(
      page.includes(`| ${columns.join(" | ")} |\n`),
      `data/README.md lacks the row ${columns.join(" | ")}`,
    );
  }
});

test("a data set without a sufficiently large class is reported, and Data_preprocessing refuses it", async (t) => {
  const dataDir = temporaryDataDir(t);
  writeFiles(join(dataDir, "raw/Food2021"), ["a/1.jpg", "a/2.jpg", "b/1.jpg"]);
  assert.equal((await getData(dataDir, "Food2021")).largeClasses, 0);
  const args = [installPath("lib/bin/guie.js"), "get-data", "--data-dir", dataDir];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  assert.match(stdout, /Food2021: no class has 5 images; Data_preprocessing will keep none/);
  const dataset = findDataSet("Food2021");
  await assert.rejects(preprocessDataset({ dataDir, dataset }), {
    name: "UserError",
    message: /Food2021: no class with at least 5 images is left: all 2 classes are smaller/,
  });
  assert.equal(readLines(join(dataDir, "csv/Food2021.csv")).length, 4);
});

const skip =
  !existsSync(join(GROCERY, "dataset")) && `no Grocery Store photos at ${GROCERY} (set GUIE_GROCERY)`;
test("the real Grocery Store data set: 81 classes, 5,421 photos, as in its own lists", {
  skip,
}, async (t) => {
  const dataDir = temporaryDataDir(t);
  writeFiles(dataDir, { "raw/README.txt": "" });
  symlinkSync(join(GROCERY, "dataset"), join(dataDir, "raw/Fruit"));
  const { csv, rows, classes } = await getData(dataDir, "Fruit");
  assert.deepEqual([rows, classes], [5421, 81]);

  const listed = ["train", "val", "test"].flatMap((split) =>
    readLines(join(GROCERY, "dataset", `${split}.txt`)),
  );
  const fineClass = new Map(listed.map((line) => line.split(", ") as [string, string]));
  const pairs = readLines(csv)
    .slice(1)
    .map((line) => line.split(",") as [string, string])
    .map(([file, label]) => `${label} ${fineClass.get(file.replace("raw/Fruit/", ""))}`);
  // A one-to-one mapping of our labels and theirs.
  const distinct = [...new Set(pairs)];
  assert.equal(distinct.length, 81);
  assert.equal(new Set(distinct.map((pair) => pair.split(" ")[1])).size, 81);
  assert.ok(!pairs.some((pair) => pair.endsWith("undefined")));
});
