// The table with a row per class: each step's images, against counts made by hand.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { classesInWords, longTailFigure } from "guie/dist/notebook/views/class_views";
import { classTable } from "guie/dist/tables/class_table";
import { excludeImages } from "guie/dist/tables/exclude";
import { classExclusions, imagesToExclude } from "guie/dist/tables/exclusions";
import { mergeTables } from "guie/dist/tables/merge_tables";
import { temporaryFolder, writeFile } from "../folders";
import { named, readRows, rowsOfSizes, tally, writeDataset } from "./make";

/** Class k of the raw data set has RAW[k] images; a class of fewer than three was dropped, one image is unreadable. */
const RAW = [8, 2, 5, 30, 4];
const KEPT = [8, 0, 4, 30, 4];

test("a class's images after every step, what happened in words, and the tail", async (t) => {
  const dataDir = temporaryFolder(t);
  const rows = (sizes: readonly number[]) =>
    rowsOfSizes("a", sizes).map(([file, label]) => `${file},${label}\n`);
  writeFile(join(dataDir, "csv/a.csv"), `image_files,labels\n${rows(RAW).join("")}`);
  const names = "labels,class_name\n0,äpfel\n1,b\n2,c\n3,d\n4,e\n";
  writeFile(join(dataDir, "csv/a_classes.csv"), names);
  writeDataset(dataDir, "a", rowsOfSizes("a", KEPT));
  writeFile(join(dataDir, "final_data_224/a_classes.csv"), names);
  const before = await classTable(dataDir, [named("a")]);
  assert.deepEqual(
    before.map(({ raw, kept, merged }) => [raw, kept, merged]),
    RAW.map((n, k) => [n, KEPT[k], 0]),
  );

  const datasets = [named("a")];
  await mergeTables({ dataDir, datasets, folds: 2, maxPerClass: 20, minPerClass: 6, holdOut: 0.25, seed: 1 });
  const table = await classTable(dataDir, datasets);
  const held = table.filter(({ heldOut }) => heldOut > 0);
  assert.equal(held.length, 1);
  assert.deepEqual([held[0]!.heldOut, held[0]!.merged, held[0]!.newLabel], [held[0]!.kept, 0, undefined]);
  const folded = readRows(dataDir, "final_data_224_sample_balance_fold.csv");
  const byLabel = tally(folded, (row) => row.new_labels);
  const outside = tally(
    folded.filter(({ fold }) => fold !== "1"),
    (row) => row.new_labels,
  );
  const validation = new Set(folded.filter(({ fold }) => fold === "1").map((row) => row.new_image_files));
  const inFold = tally(
    folded.filter((row) => validation.delete(row.new_image_files)),
    (row) => row.new_labels,
  );
  for (const row of table.filter(({ newLabel }) => newLabel !== undefined)) {
    const label = String(row.newLabel);
    assert.equal(row.merged, row.kept);
    assert.equal(row.sampled, Math.min(20, row.kept));
    assert.equal(row.rows, byLabel.get(label));
    assert.equal(row.train, outside.get(label) ?? 0);
    assert.equal(row.validation, inFold.get(label) ?? 0);
  }
  const words = Object.fromEntries(classesInWords(table).map((row) => [row.class, row["what happened"]]));
  const expected: Record<string, string> = {
    äpfel: "as it is",
    b: "dropped: too few readable images (of 2)",
    c: "1 unreadable, repeated from 4 to 6",
    d: "cut from 30 to 20",
    e: "repeated from 4 to 6",
    [held[0]!.className]: "held out of training",
  };
  assert.deepEqual(words, expected);
  const { data, layout } = longTailFigure(table);
  assert.deepEqual(data[0]!.y, [30, 8, 5, 4, 2]);
  assert.equal((layout!.yaxis as { type: string }).type, "log");
});

test("exclude.csv: how many images of a class it names, why, and whether a merge has left them out", async (t) => {
  const dataDir = temporaryFolder(t);
  const datasets = [named("a")];
  writeDataset(dataDir, "a", rowsOfSizes("a", [3, 4, 5]));
  const happened = async () =>
    classesInWords(await classTable(dataDir, datasets)).map((row) => row["what happened"]);
  await mergeTables({ dataDir, datasets, folds: 2, minPerClass: 1 });
  assert.deepEqual(await happened(), ["as it is", "as it is", "as it is"]);
  writeFile(
    join(dataDir, "exclude.csv"),
    "image_files,reason\na/0_0.jpg,blurred\na/0_1.jpg,\na/2_0.jpg,twin\n",
  );
  assert.deepEqual(await happened(), [
    "2 of 3 in exclude.csv (blurred): merge anew to leave them out",
    "as it is",
    "1 of 5 in exclude.csv (twin): merge anew to leave them out",
  ]);
  await mergeTables({ dataDir, datasets, folds: 2, minPerClass: 1 });
  assert.deepEqual(await happened(), [
    "2 of 3 left out by exclude.csv (blurred)",
    "as it is",
    "1 of 5 left out by exclude.csv (twin)",
  ]);
});

test("classes that are left out get rows in exclude.csv; a person's rows, columns and encoding stay", async (t) => {
  const dataDir = temporaryFolder(t);
  const datasets = [named("a")];
  writeDataset(dataDir, "a", rowsOfSizes("a", [2, 3]));
  const classes = [{ dataset: "a", label: 1 }];
  const read = () => readFileSync(join(dataDir, "exclude.csv"));
  const reasonOf = () => "=left; out";
  const { rows, already } = await imagesToExclude(dataDir, datasets, classes, reasonOf);
  assert.deepEqual([rows.map(({ image }) => image), already], [["a/1_0.jpg", "a/1_1.jpg", "a/1_2.jpg"], 0]);
  await excludeImages(dataDir, rows);
  const lines = rows.map(({ image }) => `${image},'=left; out\n`).join("");
  assert.equal(read().toString(), `image_files,reason\n${lines}`);
  assert.deepEqual(await imagesToExclude(dataDir, datasets, classes, reasonOf), { rows: [], already: 3 });

  // A person's file by a spreadsheet: UTF-16, semicolons, other columns, no line end after the last row.
  const own = Buffer.from("\uFEFFreason;image_files;by\nmine;a/1_1.jpg;me", "utf16le");
  writeFileSync(join(dataDir, "exclude.csv"), own);
  const more = await imagesToExclude(dataDir, datasets, classes, reasonOf);
  assert.equal(more.already, 1);
  await excludeImages(dataDir, more.rows);
  assert.deepEqual(read().subarray(0, own.length), own);
  assert.equal(
    read().subarray(own.length).toString("utf16le"),
    `\n"'=left; out";a/1_0.jpg;\n"'=left; out";a/1_2.jpg;\n`,
  );
  const [entry] = await classExclusions(dataDir, datasets);
  assert.deepEqual([entry!.images, entry!.reasons], [3, ["mine", "=left; out"]]);
  assert.deepEqual(readdirSync(dataDir).sort(), ["exclude.csv", "final_data_224"]);
});

test("without any table the step to run is named", async (t) => {
  await assert.rejects(
    classTable(temporaryFolder(t), [named("a")]),
    /No data set in .* has been read yet[\s\S]*get-data/,
  );
});
