// Data_Merge: merged tables, and errors of bad input.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { randomStream } from "guie/dist/common/random";
import { mergeTables } from "guie/dist/tables/merge_tables";
import { temporaryFolder, writeFile } from "../folders";
import { FILES, named, readRows, rowsOfSizes, tally, writeDataset } from "./make";

const textsOf = (dataDir: string) => FILES.map((file) => readFileSync(join(dataDir, file), "utf8"));

test("a small merge, row by row: labels by first appearance, numbered on over the data sets", async (t) => {
  const dataDir = temporaryFolder(t);
  writeDataset(dataDir, "second", [
    ["s/1.jpg", 0],
    ["s/2.jpg", 4],
  ]);
  writeDataset(dataDir, "first", [
    ["f/1.jpg", 7],
    ["f/2.jpg", 3],
    ["f/3.jpg", 7],
  ]);
  writeFile(join(dataDir, "csv/first_classes.csv"), 'labels,class_name\n3,"tea, green"\n7,cola\n');
  const counts = await mergeTables({ dataDir, datasets: [named("first"), named("second")], minPerClass: 1 });
  assert.equal(
    readFileSync(join(dataDir, "final_data_224.csv"), "utf8"),
    "new_image_files,new_labels,dataset\nf/1.jpg,0,first\nf/2.jpg,1,first\nf/3.jpg,0,first\ns/1.jpg,2,second\ns/2.jpg,3,second\n",
  );
  assert.equal(
    readFileSync(join(dataDir, "final_data_224_classes.csv"), "utf8"),
    'new_labels,dataset,labels,class_name\n0,first,7,cola\n1,first,3,"tea, green"\n2,second,0,0\n3,second,4,4\n',
  );
  assert.deepEqual(counts[0], { file: "final_data_224.csv", rows: 5, images: 5, classes: 4 });
});

test("the counts of every step, from class sizes 150, 100, 20, 7 and 3", async (t) => {
  const dataDir = temporaryFolder(t);
  writeDataset(dataDir, "a", rowsOfSizes("a", [150, 7, 20]));
  writeDataset(dataDir, "b", rowsOfSizes("b", [100, 3]));
  const counts = await mergeTables({ dataDir, datasets: [named("a"), named("b")] });
  assert.deepEqual(counts, [
    { file: FILES[0], rows: 280, images: 280, classes: 5 },
    { file: FILES[1], rows: 230, images: 230, classes: 5 },
    { file: FILES[2], rows: 260, images: 230, classes: 5 }, // 100 + 20 + 20 + 100 + 20
    { file: FILES[3], rows: 260, images: 230, classes: 5 },
  ]);
  const sizes = tally(readRows(dataDir, FILES[3]), (row) => row.new_labels);
  assert.deepEqual(Object.fromEntries(sizes), { 0: 100, 1: 20, 2: 20, 3: 100, 4: 20 });
  const header = (file: string) => readFileSync(join(dataDir, file), "utf8").split("\n")[0];
  assert.deepEqual(FILES.slice(0, 4).map(header), [
    "new_image_files,new_labels,dataset",
    "new_image_files,new_labels,dataset",
    "new_image_files,new_labels,dataset",
    "new_image_files,new_labels,dataset,fold",
  ]);
});

/** Merges 150,000 rows, enough for DuckDB to use several threads. @returns the tables */
async function mergeLarge(
  t: TestContext,
  order: (rows: [string, number][]) => [string, number][],
  threads: number,
) {
  const dataDir = temporaryFolder(t);
  const sizes = Array.from({ length: 5_000 }, (_, k) => (k === 0 ? 5_015 : 1 + ((k * 7) % 57)));
  writeDataset(dataDir, "a", order(rowsOfSizes("a", sizes)));
  await mergeTables({ dataDir, datasets: [named("a")], threads });
  return textsOf(dataDir);
}

test("neither the number of threads nor the order of a class's rows changes the draws", async (t) => {
  const reference = await mergeLarge(t, (rows) => rows, 1);
  assert.deepEqual(await mergeLarge(t, (rows) => rows, 4), reference);
  // Shuffled, with the classes still appearing first in their order.
  const shuffled = await mergeLarge(
    t,
    (rows) => {
      const isFirst = rows.map(([, label], i) => i === 0 || rows[i - 1]![1] !== label);
      const others = randomStream(1, "order").shuffle(rows.filter((_, i) => !isFirst[i]));
      return [...rows.filter((_, i) => isFirst[i]), ...others];
    },
    3,
  );
  assert.notEqual(shuffled[0], reference[0]);
  assert.deepEqual(shuffled.slice(1), reference.slice(1));
});

test("another seed draws otherwise", async (t) => {
  const dataDir = temporaryFolder(t);
  writeDataset(dataDir, "a", rowsOfSizes("a", [150, 7]));
  await mergeTables({ dataDir, datasets: [named("a")], seed: 1 });
  const one = textsOf(dataDir);
  await mergeTables({ dataDir, datasets: [named("a")], seed: 2 });
  const two = textsOf(dataDir);
  assert.deepEqual(
    one.map((text, i) => text === two[i]),
    [true, false, false, false, true],
  );
});

test("paths and names with commas, quotes, spaces and other scripts survive a merge", async (t) => {
  const dataDir = temporaryFolder(t);
  writeFile(
    join(dataDir, "final_data_224/it's_final_224.csv"),
    '\ufeffimage_files,labels\n"a, b/1.jpg",0\n"say ""hi"".jpg",0\n东方树叶 1.jpg,1\n',
  );
  await mergeTables({ dataDir, datasets: [named("it's")], minPerClass: 1 });
  const files = readRows(dataDir, FILES[3]).map((row) => row.new_image_files);
  assert.deepEqual(files.sort(), ["a, b/1.jpg", 'say "hi".jpg', "东方树叶 1.jpg"]);
  assert.deepEqual(new Set(readRows(dataDir, FILES[0]).map((row) => row.dataset)), new Set(["it's"]));
});

test("other columns, such as pandas' nameless index, and Windows line ends are accepted", async (t) => {
  const dataDir = temporaryFolder(t);
  writeFile(
    join(dataDir, "final_data_224/a_final_224.csv"),
    ",labels,image_files\r\n0,4,a/1.jpg\r\n1,4,a/2.jpg\r\n",
  );
  await mergeTables({ dataDir, datasets: [named("a")], minPerClass: 1 });
  const rows = readRows(dataDir, FILES[0]).map((row) => [row.new_image_files, row.new_labels]);
  assert.deepEqual(rows, [
    ["a/1.jpg", "0"],
    ["a/2.jpg", "0"],
  ]);
});

test("errors of bad input name file, row and fix, and leave earlier tables unchanged", async (t) => {
  const dataDir = temporaryFolder(t);
  writeDataset(dataDir, "a", rowsOfSizes("a", [3, 3]));
  await mergeTables({ dataDir, datasets: [named("a")] });
  const before = textsOf(dataDir);
  const path = join(dataDir, "final_data_224/b_final_224.csv");
  const cases: [string, RegExp][] = [
    [
      "image_files,class\nb/1.jpg,1\n",
      /b_final_224.csv lacks the column "labels"; it has: image_files, class\.\n.*guie preprocess/,
    ],
    ["", /is empty: expected a line with the names of its columns \(image_files, labels\)/],
    ["image_files,labels\n", /holds no rows/],
    ["image_files,labels\nb/1.jpg,1\nb/2.jpg\n", /not a readable CSV file: line 3 has 1 cells, its header 2/],
    [
      "image_files,labels\nb/1.jpg,1\nb/2.jpg,2,3\n",
      /not a readable CSV file: line 3 has 3 cells, its header 2 \(image_files, labels\): "b\/2\.jpg \| 2 \| 3"/,
    ],
    [
      "image_files,labels\nb/1.jpg,1\nb/2.jpg,\nb/3.jpg,\n",
      /row 2 \(and 1 more rows\): "labels" must be a whole number from 0, it is empty/,
    ],
    [
      "image_files,labels\nb/1.jpg,1\nb/2.jpg,1.0\n",
      /row 2: "labels" must be a whole number from 0, it is "1.0"/,
    ],
    ["image_files,labels\nb/1.jpg,-1\n", /row 1: .* it is "-1"/],
    ["image_files,labels\n,1\n", /row 1: "image_files" must be a path, it is empty/],
    ["image_files,labels\nb/../../1.jpg,1\n", /row 1: .* below the data directory.* "b\/\.\.\/\.\.\/1.jpg"/],
    ["image_files,labels\n/etc/1.jpg,1\n", /row 1: .* below the data directory/],
    ["image_files,labels\nb/1.jpg,1\nb/1.jpg,1\n", /"b\/1.jpg" is in 2 rows \(of b\)/],
    [
      "image_files,labels\nb/1.jpg,1\nb/2.jpg,1\nb/1.jpg,2\n",
      /"b\/1\.jpg" is in 2 rows \(of b\) with the label 1 and 2: an image has one class/,
    ],
    ["image_files,labels\na/0_0.jpg,1\n", /"a\/0_0.jpg" is in 2 rows \(of a, b\)/],
  ];
  for (const [text, message] of cases) {
    writeFile(path, text);
    await assert.rejects(mergeTables({ dataDir, datasets: [named("a"), named("b")] }), message);
  }
  await assert.rejects(
    mergeTables({ dataDir, datasets: [named("none")] }),
    /none_final_224.csv: there is none\.\n.*guie preprocess/,
  );
  await assert.rejects(mergeTables({ dataDir, datasets: [] }), /no data set to merge/);
  await assert.rejects(mergeTables({ dataDir, datasets: [named("a"), named("a")] }), /is named twice/);
  await assert.rejects(
    mergeTables({ dataDir, datasets: [named("a")], folds: 1 }),
    /"folds" must be a whole number from 2/,
  );
  await assert.rejects(mergeTables({ dataDir, datasets: [named("a")], seed: Number.NaN }), /"seed" must be/);
  assert.deepEqual(textsOf(dataDir), before);
  assert.deepEqual(readdirSync(dataDir).sort(), [...FILES, "final_data_224"].sort());
});
