// groups.csv: images of one group share a fold, and nothing else changes.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { mergeTables } from "guie/dist/tables/merge_tables";
import { temporaryFolder, writeFile } from "../folders";
import { named, readRows, rowsOfSizes, tally, writeDataset } from "./make";

const merge = (dataDir: string, minPerClass = 1) =>
  mergeTables({ dataDir, datasets: [named("a")], folds: 4, minPerClass, seed: 5 });

const foldsOf = (dataDir: string) =>
  new Map(
    readRows(dataDir, "final_data_224_sample_balance_fold.csv").map((row) => [row.new_image_files, row.fold]),
  );

test("images of one group share a fold with its first image, which is dealt out as if it were alone", async (t) => {
  const dataDir = temporaryFolder(t);
  // Classes 0 and 1 have eight photos each; then each photo of class 0 gets five views.
  writeDataset(dataDir, "a", rowsOfSizes("a", [8, 8]));
  await merge(dataDir);
  const before = foldsOf(dataDir);
  const views = rowsOfSizes("a", [8]).flatMap(([file, label]) =>
    Array.from({ length: 5 }, (_, view): [string, number] => [file.replace(".jpg", `v${view}.jpg`), label]),
  );
  writeDataset(dataDir, "a", [...rowsOfSizes("a", [8, 8]), ...views]);
  const rows = [...rowsOfSizes("a", [8]), ...views].map(([file]) => `${file},${/0_\d/.exec(file)![0]}\n`);
  writeFile(join(dataDir, "groups.csv"), `image_files,group\n${rows.join("")}lost.jpg,0_0\n`);
  const [merged] = await merge(dataDir, 60);
  assert.deepEqual(merged!.groups, { groups: 8, images: 48, unmatched: 1 });
  const after = foldsOf(dataDir);
  assert.equal(after.size, 56);
  for (const [file, fold] of before) assert.equal(after.get(file), fold);
  for (const [file, fold] of after) assert.equal(fold, before.get(file.replace(/v\d/, "")));
  const sizes = tally([...after.values()], (fold) => fold);
  assert.deepEqual([...sizes.values()], [14, 14, 14, 14]); // two groups of six, and two photos

  // Without the first image of a group, its views stay in their fold.
  writeFile(join(dataDir, "exclude.csv"), "image_files\na/0_3.jpg\n");
  await merge(dataDir);
  for (const [file, fold] of foldsOf(dataDir)) assert.equal(fold, after.get(file));
  assert.equal(foldsOf(dataDir).size, 55);
});

test("without the file, or with a file that matches nothing, folds are the same; a bad file is refused", async (t) => {
  const dataDir = temporaryFolder(t);
  writeDataset(dataDir, "a", rowsOfSizes("a", [3, 30, 7]));
  await merge(dataDir);
  const before = foldsOf(dataDir);
  writeFile(join(dataDir, "groups.csv"), "image_files,group\nlost.jpg,1\n");
  await merge(dataDir);
  assert.deepEqual(foldsOf(dataDir), before);
  writeFile(join(dataDir, "groups.csv"), "file,group\nlost.jpg,1\n");
  await assert.rejects(merge(dataDir), /groups\.csv lacks the column "image_files"/);
});
