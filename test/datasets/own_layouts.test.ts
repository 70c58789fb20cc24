// A person's own folders and tables: what is recognised of each layout, and what is said.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { withDatabase } from "guie/dist/common/database/database";
import { leftOutText } from "guie/dist/datasets/own/left_out";
import { classByPattern } from "guie/dist/datasets/own/name_pattern";
import type { OwnImages, OwnSource } from "guie/dist/datasets/own/own_images";
import { readOwnImages } from "guie/dist/datasets/own/read_own_images";
import { temporaryFolder } from "../folders";
import { writeFiles } from "./miniature";

type Files = readonly string[] | Readonly<Record<string, string>>;

interface Layout {
  what: string;
  files: Files;
  /** Options besides the source; `source` is relative to the folder. */
  how?: Partial<OwnSource>;
  /** "file: class", with "/split" where there is one. */
  images: readonly string[];
  said: readonly (string | RegExp)[];
}

const photos = (...names: string[]) => Object.fromEntries(names.map((name) => [name, "x"]));

const LAYOUTS: readonly Layout[] = [
  {
    what: "class folders, with names of any kind, notes and films",
    files: ["Käse/1.jpg", "007/a.JPEG", "true/b.heic", "100% #1/c.png", "notes.txt", "scan.pdf", "clip.mov"],
    images: ["007/a.JPEG: 007", "100% #1/c.png: 100% #1", "Käse/1.jpg: Käse", "true/b.heic: true"],
    said: [
      "class folders, 4 classes, 4 images",
      "4 classes of one image, too few to learn from: 007, 100% #1, Käse, true",
      "1 HEIC photo is read",
      "3 files are left out: clip.mov (a film), notes.txt (no image), scan.pdf (no image)",
    ],
  },
  {
    what: "nested class folders: the deepest is the class",
    files: ["fruit/apple/golden/1.jpg", "fruit/apple/red/1.jpg", "fruit/pear/1.jpg", "fruit/pear/2.jpg"],
    images: [
      "fruit/apple/golden/1.jpg: golden",
      "fruit/apple/red/1.jpg: red",
      "fruit/pear/1.jpg: pear",
      "fruit/pear/2.jpg: pear",
    ],
    said: ["nested class folders, 3 classes, 4 images"],
  },
  {
    what: "a named level",
    files: ["fruit/apple/golden/1.jpg", "fruit/apple/red/1.jpg", "fruit/pear/1.jpg", "loose/1.jpg"],
    how: { classLevel: 2 },
    images: [
      "fruit/apple/golden/1.jpg: apple",
      "fruit/apple/red/1.jpg: apple",
      "fruit/pear/1.jpg: pear",
      "loose/1.jpg: ",
    ],
    said: ["nested class folders, 2 classes, 4 images", "1 image has no class"],
  },
  {
    what: "folders of one name below several folders: each is a class of its own",
    files: ["apple/2023/1.jpg", "apple/2024/1.jpg", "pear/2023/1.jpg"],
    images: ["apple/2023/1.jpg: apple/2023", "apple/2024/1.jpg: 2024", "pear/2023/1.jpg: pear/2023"],
    said: [
      "nested class folders, 3 classes, 3 images",
      /^1 folder name below several folders: each place is a class of its own, such as apple\/2023, pear\/2023; a class level/,
    ],
  },
  {
    what: "train, val and test that share classes",
    files: ["train/apple/1.jpg", "Val/apple/2.jpg", "test/pear/3.jpg", "train/pear/4.jpg"],
    images: [
      "Val/apple/2.jpg: apple/validation",
      "test/pear/3.jpg: pear/test",
      "train/apple/1.jpg: apple/train",
      "train/pear/4.jpg: pear/train",
    ],
    said: ["class folders in splits, 2 classes, 4 images", "splits: 2 train, 1 validation, 1 test"],
  },
  {
    what: "a class that lies elsewhere in another split",
    files: [
      "train/veg/leek/1.jpg",
      "train/veg/mushroom/brown/1.jpg",
      "test/veg/leek/1.jpg",
      "test/veg/brown/2.jpg",
    ],
    images: [
      "test/veg/brown/2.jpg: brown/test",
      "test/veg/leek/1.jpg: leek/test",
      "train/veg/leek/1.jpg: leek/train",
      "train/veg/mushroom/brown/1.jpg: brown/train",
    ],
    said: ["1 class with another folder in another split: brown"],
  },
  {
    what: "splits next to other folders, and splits below the classes",
    files: ["set/train/apple/1.jpg", "set/test/apple/2.jpg", "set/more/pear/3.jpg"],
    images: [
      "set/more/pear/3.jpg: pear",
      "set/test/apple/2.jpg: apple/test",
      "set/train/apple/1.jpg: apple/train",
    ],
    said: [/^nested class folders in splits, 2 classes/, "splits: 1 train, 1 test, 1 in none"],
  },
  {
    what: "splits below the classes",
    files: ["apple/train/1.jpg", "apple/test/2.jpg", "pear/train/3.jpg"],
    images: [
      "apple/test/2.jpg: apple/test",
      "apple/train/1.jpg: apple/train",
      "pear/train/3.jpg: pear/train",
    ],
    said: ["class folders in splits, 2 classes, 3 images"],
  },
  {
    what: "a train is a class among other vehicles",
    files: ["train/1.jpg", "bus/1.jpg", "car/1.jpg"],
    images: ["bus/1.jpg: bus", "car/1.jpg: car", "train/1.jpg: train"],
    said: ["class folders, 3 classes, 3 images"],
  },
  {
    what: "images/ below every class",
    files: ["apple/images/1.jpg", "pear/images/1.jpg"],
    images: ["apple/images/1.jpg: apple", "pear/images/1.jpg: pear"],
    said: ["class folders, 2 classes, 2 images"],
  },
  {
    what: "file names by a pattern",
    files: ["granny_smith_1.jpg", "pear_02.JPG", "x/pear_3.jpg", "odd.jpg"],
    how: { pattern: "{class}_{n}.jpg" },
    images: ["granny_smith_1.jpg: granny_smith", "pear_02.JPG: pear", "x/pear_3.jpg: pear"],
    said: [
      "file names {class}_{n}.jpg, 2 classes, 3 images",
      "1 file is left out: odd.jpg (its name does not fit {class}_{n}.jpg)",
    ],
  },
  {
    what: "a path pattern with a split",
    files: ["train/(a+b)-1.png", "test/c-2.png"],
    how: { pattern: "{split}/{class}-{any}" },
    images: ["test/c-2.png: c/test", "train/(a+b)-1.png: (a+b)/train"],
    said: ["file names {split}/{class}-{any}, 2 classes, 2 images"],
  },
  {
    what: "a flat folder, without classes",
    files: ["images/2.jpg", "images/1.jpg"],
    images: ["images/1.jpg: ", "images/2.jpg: "],
    said: ["flat folder, no classes, 2 images"],
  },
  {
    what: "a flat folder with a table in it",
    files: {
      ...photos("1.jpg", "2.jpg", "3.jpg"),
      "labels.csv": "file;label;shot\n1.jpg;crème brûlée;x\n2.jpg;007;y\n9.jpg;007;z\n",
    },
    how: { labels: true },
    images: ["1.jpg: crème brûlée", "2.jpg: 007"],
    said: [
      "table labels.csv, 2 classes, 2 images",
      "columns: file names the images, label the classes; not used: shot",
      /too few/,
      "2 files are left out: 9.jpg (named in the table, not on the disk), 3.jpg (not named in labels.csv)",
    ],
  },
  {
    what: "a flat folder with a table in it that names some: where no class is needed, the others stay",
    files: { ...photos("1.jpg", "3.jpg"), "labels.csv": "file,label\n1.jpg,x\n" },
    images: ["1.jpg: x", "3.jpg: "],
    said: ["table labels.csv, 1 class, 2 images", "1 image has no class"],
  },
  {
    what: "a flat folder with a table of something else in it",
    files: { ...photos("1.jpg"), "sizes.csv": "file,cm\nx.jpg,1\n" },
    images: ["1.jpg: "],
    said: [
      "flat folder, no classes, 1 image",
      /^sizes\.csv not used: .*names 1 image, none of which is there/,
    ],
  },
  {
    what: "a table with splits, images in a folder below, names without ending",
    files: {
      ...photos("pics/a.jpg", "pics/b.jpg", "pics/c.jpg"),
      "t.tsv": "split\tspecies\tid\ntrain\tfox\ta\nvalid\tfox\tb\n\tötter\tc\n",
    },
    how: { source: "t.tsv" },
    images: ["pics/a.jpg: fox/train", "pics/b.jpg: fox/validation", "pics/c.jpg: ötter"],
    said: [
      "table t.tsv, 2 classes, 3 images",
      "splits: 1 train, 1 validation, 1 in none",
      "columns: id names the images, species the classes, split the splits",
      /^the images are looked for in .*\/pics$/,
      "their names get the ending .jpg",
    ],
  },
  {
    what: "named columns, a root, Windows paths, repeated rows, cells without a class",
    files: {
      ...photos("photos/x/a.jpg", "photos/b.jpg", "photos/c.jpg"),
      "lists/all.csv":
        "label,where,kind,fold\n1,x\\a.jpg,true,0\n2,b.jpg,false,1\n2,b.jpg,false,1\n3,c.jpg,,1\n",
    },
    how: { source: "lists/all.csv", root: "photos", classColumn: "kind", imageColumn: "where" },
    images: ["b.jpg: false", "c.jpg: ", "x/a.jpg: true"],
    said: [
      "table all.csv, 2 classes, 3 images",
      /where names the images, kind the classes; not used: label, fold/,
      "the column fold holds 0, 1: no splits, it is not used",
      "1 row repeats an image",
      "1 image has no class",
    ],
  },
  {
    what: "JSON lines",
    files: {
      ...photos("a.jpg", "b.jpg"),
      "m.jsonl": '{"file_name": "a.jpg", "text": 7, "box": [1]}\n\n{"file_name": "b.jpg", "text": "true"}\n',
    },
    how: { source: "m.jsonl" },
    images: ["a.jpg: 7", "b.jpg: true"],
    said: ["columns: file_name names the images, text the classes"],
  },
  {
    what: "a folder of the Hugging Face hub with a metadata.csv in each split",
    files: {
      ...photos("train/a.jpg", "train/sub/b.jpg", "test/a.jpg"),
      "train/metadata.csv": "file_name,label\na.jpg,fox\nsub/b.jpg,ox\n",
      "test/metadata.csv": "file_name,label\na.jpg,fox\n",
    },
    images: ["test/a.jpg: fox/test", "train/a.jpg: fox/train", "train/sub/b.jpg: ox/train"],
    said: ["table metadata.csv and 1 other, 2 classes, 3 images", "splits: 2 train, 1 test"],
  },
  {
    what: "COCO annotations",
    files: {
      ...photos("train2017/1.jpg", "train2017/2.jpg"),
      "annotations/instances_train2017.json": JSON.stringify({
        images: [
          { id: 1, file_name: "1.jpg" },
          { id: 2, file_name: "2.jpg" },
        ],
        annotations: [
          { image_id: 1, category_id: 5 },
          { image_id: 1, category_id: 6 },
        ],
        categories: [
          { id: 5, name: "Bär" },
          { id: 6, name: "x" },
        ],
      }),
    },
    images: ["train2017/1.jpg: Bär/train", "train2017/2.jpg: /train"],
    said: [
      "COCO annotations instances_train2017.json, 1 class, 2 images",
      "1 image with several categories: the first annotation is the class",
    ],
  },
];

function described({ files, classes, splits }: OwnImages): string[] {
  return files.map((file, i) => `${file}: ${classes?.[i] ?? ""}${splits?.[i] ? `/${splits[i]}` : ""}`);
}

/** Returns a hash of all names, sizes and times below a folder. */
function stateOf(folder: string): string {
  const hash = createHash("sha256");
  for (const name of readdirSync(folder, { recursive: true }).sort() as string[]) {
    const { size, mtimeMs, ino } = statSync(join(folder, name));
    hash.update(JSON.stringify([name, size, mtimeMs, ino]));
  }
  return hash.digest("hex");
}

for (const { what, files, how = {}, images, said } of LAYOUTS) {
  test(`own photos: ${what}`, async (t) => {
    const folder = temporaryFolder(t);
    writeFiles(folder, files);
    const before = stateOf(folder);
    const source = {
      ...how,
      source: join(folder, how.source ?? ""),
      ...(how.root ? { root: join(folder, how.root) } : {}),
    };
    const own = await readOwnImages(source);
    assert.deepEqual(described(own), images);
    const lines = [...own.said, leftOutText(own.leftOut)];
    for (const sentence of said) {
      const isSaid = lines.some((line) =>
        typeof sentence === "string" ? line === sentence : sentence.test(line),
      );
      assert.ok(isSaid, `${sentence} in\n${lines.join("\n")}`);
    }
    assert.equal(stateOf(folder), before, "nothing is changed");
  });
}

test("own photos: Parquet, also with text that looks like numbers; images inside of it are refused", async (t) => {
  const folder = temporaryFolder(t);
  writeFiles(folder, ["a b.jpg", "c.jpg"]);
  await withDatabase(async (database) => {
    await database.run(
      `COPY (SELECT * FROM (VALUES ('a b.jpg', '007', [1]), ('c.jpg', 'true', [2])) t(path, "Klasse", boxes))
       TO '${folder}/t.parquet' (FORMAT parquet)`,
    );
    await database.run(
      `COPY (SELECT {'bytes': 'x'::BLOB, 'path': 'a.jpg'} AS image, 1 AS label) TO '${folder}/i.parquet' (FORMAT parquet)`,
    );
  });
  const own = await readOwnImages({ source: join(folder, "t.parquet") });
  assert.deepEqual(described(own), ["a b.jpg: 007", "c.jpg: true"]);
  assert.equal(own.said[1], "columns: path names the images, Klasse the classes");
  await assert.rejects(
    readOwnImages({ source: join(folder, "i.parquet") }),
    /holds the images themselves \(image:/,
  );
  writeFiles(folder, { "bad.parquet": "PAR1 no" });
  await assert.rejects(readOwnImages({ source: join(folder, "bad.parquet") }), /not a readable Parquet file/);
});

test("own photos: names in both forms of Unicode, links, line breaks, quotes and long names", async (t) => {
  const folder = temporaryFolder(t);
  const [nfc, nfd] = ["Käse".normalize("NFC"), "Käse".normalize("NFD")];
  const long = `${"ä".repeat(100)}.jpg`;
  writeFiles(join(folder, "p"), [
    `${nfc}/1.jpg`,
    `${nfd}/1.jpg`,
    `${nfd}/2.jpg`,
    `say "x"\n/3.jpg`,
    `z/${long}`,
  ]);
  symlinkSync(join(folder, "p", "z"), join(folder, "p", "loop"));
  symlinkSync(join(folder, "none"), join(folder, "p", "z", "gone.jpg"));
  const own = await readOwnImages({ source: join(folder, "p") });
  assert.deepEqual(new Set(own.classes), new Set([nfc, 'say "x"\n', "z"]));
  assert.equal(own.files.length, 4);
  assert.ok(own.files.includes(`${nfd}/2.jpg`), "as the disk spells it");
  assert.deepEqual(own.leftOut.map(({ reason }) => reason).sort(), [
    "a link that leads nowhere",
    "a link to a folder that is read in its own place",
    "its name came before, in another form of Unicode",
  ]);
  // A table that writes the other form finds the file.
  writeFiles(folder, {
    "t.csv": `file,label\n${nfc}/2.jpg,${nfd}\n"say ""x""\n/3.jpg",b\n${"x".repeat(300)}.jpg,c\n`,
  });
  const table = await readOwnImages({ source: join(folder, "t.csv"), root: join(folder, "p") });
  assert.deepEqual(described(table), [`${nfd}/2.jpg: ${nfc}`, 'say "x"\n/3.jpg: b']);
  assert.equal(readFileSync(join(table.folder, table.files[0]!)).length > 0, true);
});

test("own photos: class names that differ only by case or spaces are said", async (t) => {
  const folder = temporaryFolder(t);
  writeFiles(folder, ["Apple/1.jpg", "apple /1.jpg", "pear/1.jpg"]);
  const { said } = await readOwnImages({ source: folder });
  assert.ok(said.includes('classes that differ only by case or spaces: "Apple", "apple "'), said.join("\n"));
});

test("own photos: a hostile file name does not keep a pattern busy, and too many placeholders are refused", () => {
  const classOf = classByPattern("{n}1{class}1{n}.jpg");
  const startMs = Date.now();
  assert.equal(classOf(`${"1".repeat(250)}!.jpg`), undefined);
  assert.ok(Date.now() - startMs < 1000, `${Date.now() - startMs} ms`);
  assert.deepEqual(classByPattern("{split}/x.{class}+[1]{n}.PNG")("Valid/x.a.b+[1]07.png"), {
    className: "a.b",
    split: "validation",
  });
  assert.equal(classByPattern("{class}")("dir/line\nbreak.webp")?.className, "line\nbreak");
  assert.equal(classByPattern("{split}/{class}")("other/a.jpg"), undefined);
  assert.throws(
    () => classByPattern("{any}a{any}b{class}c{any}d{n}"),
    /more than 3 placeholders in one name/,
  );
  assert.throws(() => classByPattern("{class}{n}{n}"), /two placeholders side by side/);
});
