// Paths that DuckDB would take for patterns, and folders that it would take for columns.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { findDuplicates } from "guie/dist/inspection/duplicates";
import { classCounts } from "guie/dist/tables/class_counts";
import { mergeTables } from "guie/dist/tables/merge_tables";
import { readTrainingTable } from "guie/dist/tables/training_table";
import sharp from "sharp";
import { temporaryFolder, writeFile } from "../folders";
import { named, readRows, writeDataset } from "./make";

/** Folders, each with others that it would match as a pattern. */
const FOLDERS: [name: string, decoys: string[]][] = [
  ["set[1]", ["set1"]],
  ["a*b", ["axb", "aab"]],
  ["a?b", ["acb"]],
  ["**", ["x/y"]],
  ["{a,b}", ["a", "b"]],
  ["labels=3", []],
  ["fold=1/new_labels=x", []],
  ['it\'s "quoted"', []],
  ["100% #1 ~ $HOME", []],
  ["Größe e\u0301 東", []],
  ["two\nlines", []],
  ["back\\slash[!a]", []],
];

test("any path is only a path: merge, training, balance, duplicates", async (t) => {
  const root = temporaryFolder(t);
  const jpeg = await sharp({ create: { width: 8, height: 8, channels: 3, background: "#3a7" } })
    .jpeg()
    .toBuffer();
  const rowsOf = (name: string) =>
    [0, 1].flatMap((label) => [0, 1, 2].map((i): [string, number] => [`${name} ${label} ${i}.jpg`, label]));
  for (const [index, [folder, decoys]] of FOLDERS.entries()) {
    for (const decoy of decoys) {
      writeDataset(join(root, decoy), "a", rowsOf("decoy"));
      await mergeTables({ dataDir: join(root, decoy), datasets: [named("a")], folds: 2 });
    }
    const dataDir = join(root, folder);
    const name = `image${index}`;
    writeDataset(dataDir, "a", rowsOf(name));
    await mergeTables({ dataDir, datasets: [named("a")], folds: 2, minPerClass: 1 });
    const files = rowsOf(name).map(([file]) => file);
    assert.deepEqual(
      readRows(dataDir, "final_data_224.csv").map((row) => row.new_image_files),
      files,
      folder,
    );
    const table = await readTrainingTable(dataDir, { fold: 1 });
    assert.deepEqual([...table.trainFiles, ...table.validationFiles].sort(), files, folder);
    assert.deepEqual(table.classNames, ["0", "1"]);
    assert.deepEqual(
      (await classCounts(join(dataDir, "final_data_224.csv"))).map(({ images }) => images),
      [3, 3],
    );
    if (index > 0) continue;
    for (const file of files) writeFile(join(dataDir, file), jpeg);
    for (const _ of [1, 2]) assert.equal((await findDuplicates({ dataDir })).images, 6); // then from the looks
  }
});
