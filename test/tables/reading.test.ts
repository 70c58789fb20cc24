// Reading the tables: training table, class balance, class counts.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { classBalance, compareBalance } from "guie/dist/tables/balance";
import { classCounts } from "guie/dist/tables/class_counts";
import { findClasses } from "guie/dist/tables/find_classes";
import { mergeTables } from "guie/dist/tables/merge_tables";
import { readTrainingTable } from "guie/dist/tables/training_table";
import { temporaryFolder, writeFile } from "../folders";
import { FILES, named, rowsOfSizes, writeDataset } from "./make";

const FOLD_HEADER = "new_image_files,new_labels,dataset,fold\n";

test("the training table: rows of other folds in their order, and the fold's distinct images for validation", async (t) => {
  const dataDir = temporaryFolder(t);
  writeFile(
    join(dataDir, FILES[3]),
    `${FOLD_HEADER}b.jpg,1,x,0\na.jpg,0,x,2\nc.jpg,1,x,1\nd.jpg,0,x,1\nc.jpg,1,x,1\nb.jpg,1,x,0\n`,
  );
  writeFile(join(dataDir, FILES[4]), "new_labels,dataset,labels,class_name\n1,x,5,tea\n0,x,9,cola\n");
  const { trainFiles, ...rest } = await readTrainingTable(dataDir, { fold: 1 });
  assert.deepEqual([...trainFiles], ["b.jpg", "a.jpg", "b.jpg"]);
  assert.deepEqual(rest, {
    trainLabels: Int32Array.of(1, 0, 1),
    validationFiles: ["c.jpg", "d.jpg"],
    validationLabels: Int32Array.of(1, 0),
    classes: 2,
    dataSets: ["x", "x"],
    classNames: ["cola", "tea"],
  });
});

test("a large table is read in its order", async (t) => {
  const dataDir = temporaryFolder(t);
  const rows = Array.from({ length: 30_000 }, (_, i) => `${(i * 7919) % 30_000}.jpg,${i % 10},x,${i % 3}`);
  writeFile(join(dataDir, "own.csv"), `${FOLD_HEADER}${rows.join("\n")}\n`);
  const table = await readTrainingTable(dataDir, { csv: "own.csv", fold: 1 });
  const expected = rows.filter((_, i) => i % 3 !== 1).map((row) => row.split(",")[0]);
  assert.deepEqual([...table.trainFiles], expected);
  assert.equal(table.validationFiles.length, 10_000);
  assert.equal(table.classNames, undefined);
});

test("the data set of each class; none if a class has rows of two", async (t) => {
  const dataDir = temporaryFolder(t);
  const dataSetsOf = async (...dataSets: string[]) => {
    const rows = dataSets.map((name, i) => `${i}.jpg,${[2, 1, 1, 0, 2][i]},${name},${i % 2}\n`);
    writeFile(join(dataDir, "own.csv"), FOLD_HEADER + rows.join(""));
    return (await readTrainingTable(dataDir, { csv: "own.csv", fold: 1 })).dataSets;
  };
  assert.deepEqual(await dataSetsOf("x", "y", "y", "z", "x"), ["z", "y", "x"]);
  assert.equal(await dataSetsOf("x", "y", "y", "z", "y"), undefined);
});

test("bad training tables are refused with what to do", async (t) => {
  const dataDir = temporaryFolder(t);
  const read = (text: string, fold = 1) => {
    writeFile(join(dataDir, FILES[3]), FOLD_HEADER + text);
    return readTrainingTable(dataDir, { fold });
  };
  await assert.rejects(readTrainingTable(dataDir, { fold: 1 }), /there is none\.\n.*npx guie merge/);
  await assert.rejects(read("a,0,x,0\nb,0,x,1\n", 7), /no rows of fold 7; it has the folds 0, 1/);
  await assert.rejects(read("a,0,x,0\nb,2,x,1\n"), /labels must be 0 \.\. 1 for 2 classes; the highest is 2/);
  await assert.rejects(read("a,0,x,0\n../b,0,x,1\n"), /row 2: "new_image_files" must be a path below/);
  await assert.rejects(read("a,0,x,0\n", 0), /one fold only/);
  writeFile(join(dataDir, FILES[4]), "new_labels,dataset,labels,class_name\n0,x,9,cola\n");
  await assert.rejects(read("a,0,x,0\nb,1,x,1\n"), /names 1 classes, but .* has 2/);
});

test("class balance per step is as computed by hand", async (t) => {
  const dataDir = temporaryFolder(t);
  const csv = (rows: [string, number][]) =>
    `image_files,labels\n${rows.map((row) => `${row.join(",")}\n`).join("")}`;
  writeFile(join(dataDir, "csv/a.csv"), csv(rowsOfSizes("a", [1, 3, 30])));
  writeFile(join(dataDir, "csv/b.csv"), csv(rowsOfSizes("b", [4, 4])));
  writeDataset(dataDir, "a", rowsOfSizes("a", [3, 130]));
  writeDataset(dataDir, "b", rowsOfSizes("b", [4, 4]));
  const datasets = [named("a"), named("b")];
  await mergeTables({ dataDir, datasets });
  const raw = await classBalance(dataDir, datasets, ["raw"]);
  assert.deepEqual(
    raw.map(({ gini, shareUnder20, ...row }) => row),
    [
      { stage: "raw", dataset: "all", classes: 5, images: 42, min: 1, median: 4, max: 30 },
      { stage: "raw", dataset: "a", classes: 3, images: 34, min: 1, median: 3, max: 30 },
      { stage: "raw", dataset: "b", classes: 2, images: 8, min: 4, median: 4, max: 4 },
    ],
  );
  // Gini of 1, 3, 30: sum over pairs |x - y| / (2 n^2 mean) = 2 (2 + 29 + 27) / (2 x 9 x 34/3) = 0.5686...
  assert.ok(Math.abs(raw[1]!.gini - 116 / 204) < 1e-12);
  assert.equal(raw[2]!.gini, 0);
  assert.deepEqual(
    raw.map(({ shareUnder20 }) => shareUnder20),
    [4 / 5, 2 / 3, 1],
  );
  const all = await classBalance(dataDir, datasets);
  const sizes = all
    .filter(({ dataset }) => dataset === "all")
    .map(({ stage, classes, images, min, max }) => [stage, classes, images, min, max]);
  assert.deepEqual(sizes, [
    ["raw", 5, 42, 1, 30],
    ["preprocessed", 4, 141, 3, 130],
    ["merged", 4, 141, 3, 130],
    ["sampled", 4, 111, 3, 100],
    ["balanced", 4, 160, 20, 100],
  ]);
  const change = compareBalance(all, "preprocessed", "balanced");
  assert.deepEqual(
    change.map(({ dataset }) => dataset),
    ["all", "a", "b"],
  );
  assert.deepEqual(change[1], {
    dataset: "a",
    classesBefore: 2,
    classesAfter: 2,
    imagesBefore: 133,
    imagesAfter: 120,
    perClassBefore: "3 - 130",
    perClassAfter: "20 - 100",
    under20Before: "50 %",
    under20After: "0 %",
  });
  assert.throws(() => compareBalance(raw, "raw", "sampled"), /"all" lacks the stage "sampled"/);
  await assert.rejects(
    classBalance(dataDir, [named("c")], ["raw"]),
    /csv\/c\.csv: there is none\.\n.*guie get-data/,
  );
});

test("class counts of any table, and classes found by name", async (t) => {
  const dataDir = temporaryFolder(t);
  writeDataset(dataDir, "a", rowsOfSizes("a", [3, 5]));
  writeFile(join(dataDir, "csv/a_classes.csv"), "labels,class_name\n0,Green Tea\n1,Cola\n");
  await mergeTables({ dataDir, datasets: [named("a")] });
  assert.deepEqual(await classCounts(join(dataDir, "final_data_224/a_final_224.csv")), [
    { label: 0, images: 3 },
    { label: 1, images: 5 },
  ]);
  assert.deepEqual(await classCounts(join(dataDir, FILES[2])), [
    { label: 0, images: 20 },
    { label: 1, images: 20 },
  ]);
  assert.deepEqual(await findClasses(dataDir, "tea"), [
    { newLabel: 0, dataset: "a", label: 0, className: "Green Tea", images: 3, firstImage: "a/0_0.jpg" },
  ]);
  assert.deepEqual((await findClasses(dataDir, "")).length, 2);
  await assert.rejects(
    findClasses(dataDir, "%"),
    /No merged class has "%" in its name.*\n {2}Next: Search for/,
  );
});
