// Stratified folds, leak-free and as published.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { withDatabase } from "guie/dist/common/database/database";
import { installPath } from "guie/dist/common/project";
import { assignFolds } from "guie/dist/tables/folds";
import { type FoldMode, mergeTables } from "guie/dist/tables/merge_tables";
import { readTrainingTable } from "guie/dist/tables/training_table";
import { temporaryFolder } from "../folders";
import { FILES, named, readRows, rowsOfSizes, tally, writeDataset } from "./make";

const FOLDS = Array.from({ length: 20 }, (_, fold) => fold);

test("every fold gets as many rows of every class as scikit-learn's StratifiedKFold gives it", async () => {
  const golden = JSON.parse(readFileSync(installPath("test/golden/folds.json"), "utf8")) as {
    sizes: number[];
    folds: number;
    counts: number[][];
  };
  await withDatabase(async (database) => {
    const rows = golden.sizes.map(
      (size, k) => `SELECT '${k}_' || i AS file, ${k} AS new_labels FROM range(${size}) r(i)`,
    );
    await database.run(`CREATE TABLE images AS ${rows.join(" UNION ALL ")}`);
    await assignFolds(database, {
      from: "images",
      to: "folded",
      folds: golden.folds,
      seed: 999,
      key: "file",
    });
    for (const [label, expected] of golden.counts.entries()) {
      const found = await database.rows<{ n: number }>(
        `SELECT count(file) AS n FROM range(20) f(fold) LEFT JOIN (FROM folded WHERE new_labels = ${label}) USING (fold)
         GROUP BY fold ORDER BY fold`,
      );
      assert.deepEqual(
        found.map(({ n }) => n),
        expected,
        `class ${label}`,
      );
    }
  });
});

test("each image of a class is equally likely to get each fold", async () => {
  const classes = 4_000;
  await withDatabase(async (database) => {
    await database.run(
      `CREATE TABLE images AS SELECT k || '/' || i AS file, k::INTEGER AS new_labels FROM range(${classes}) c(k), range(4) r(i)`,
    );
    await assignFolds(database, { from: "images", to: "folded", folds: 4, seed: 999, key: "file" });
    const counts = await database.rows<{ n: number }>(
      "SELECT count(*) AS n FROM folded GROUP BY split_part(file, '/', 2), fold",
    );
    assert.equal(counts.length, 16);
    const limit = 5 * Math.sqrt(classes * 0.25 * 0.75);
    for (const { n } of counts) assert.ok(Math.abs(n - classes / 4) < limit, `${n} of ${classes}`);
  });
});

test("leak-free: an image has one fold, whichever validates; classes and folds stay even", async (t) => {
  const dataDir = temporaryFolder(t);
  writeDataset(
    dataDir,
    "a",
    rowsOfSizes(
      "a",
      Array.from({ length: 120 }, (_, k) => 3 + k),
    ),
  );
  await mergeTables({ dataDir, datasets: [named("a")] });
  const rows = readRows(dataDir, FILES[3]);
  const foldsOfImage = new Map<string, Set<string>>();
  for (const { new_image_files, fold } of rows) {
    foldsOfImage.set(new_image_files, (foldsOfImage.get(new_image_files) ?? new Set()).add(fold));
  }
  assert.equal(foldsOfImage.size, readRows(dataDir, FILES[1]).length);
  for (const [image, folds] of foldsOfImage) assert.equal(folds.size, 1, image);

  for (const fold of [0, 1, 19]) {
    const table = await readTrainingTable(dataDir, { fold });
    const train = new Set(table.trainFiles);
    assert.equal(table.validationFiles.filter((file) => train.has(file)).length, 0);
    assert.equal(new Set(table.validationFiles).size, table.validationFiles.length);
    assert.equal(train.size + table.validationFiles.length, foldsOfImage.size);
    assert.equal(new Set(table.trainLabels).size, 120); // no class is left out of training
  }
  const images = [...new Map(rows.map((row) => [row.new_image_files, row])).values()];
  const perFold = [...tally(images, (row) => row.fold).values()];
  assert.equal(perFold.length, 20);
  assert.ok(Math.max(...perFold) - Math.min(...perFold) <= 1);
  for (let label = 0; label < 120; label++) {
    const ofClass = tally(
      images.filter((row) => row.new_labels === String(label)),
      (row) => row.fold,
    );
    const counts = FOLDS.map((fold) => ofClass.get(String(fold)) ?? 0);
    assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, `class ${label}: ${counts}`);
  }
});

test("leak-free: images that follow each other by name do not get folds that follow each other", async (t) => {
  const dataDir = temporaryFolder(t);
  writeDataset(dataDir, "a", rowsOfSizes("a", Array<number>(30).fill(100)));
  await mergeTables({ dataDir, datasets: [named("a")] });
  const folds = readRows(dataDir, FILES[3]).map((row) => Number(row.fold));
  const following = folds.filter((fold, i) => i > 0 && fold === (folds[i - 1]! + 1) % 20).length;
  assert.ok(following < 3_000 * 0.1, `${following} of 3000, about 150 expected`);
});

/** Returns the share of fold 1's rows whose image is also in another fold, by class size. */
async function leakShares(dataDir: string, sizes: number[], foldMode: FoldMode): Promise<number[]> {
  const perSize = 150;
  writeDataset(
    dataDir,
    "a",
    rowsOfSizes(
      "a",
      sizes.flatMap((size) => Array<number>(perSize).fill(size)),
    ),
  );
  await mergeTables({ dataDir, datasets: [named("a")], foldMode });
  const rows = readRows(dataDir, FILES[3]);
  const train = new Set(rows.filter((row) => row.fold !== "1").map((row) => row.new_image_files));
  return sizes.map((_, i) => {
    const isOfSize = (label: string) => Math.floor(Number(label) / perSize) === i;
    const validation = rows.filter((row) => row.fold === "1" && isOfSize(row.new_labels));
    assert.ok(validation.length >= perSize * 0.1);
    return validation.filter((row) => train.has(row.new_image_files)).length / validation.length;
  });
}

test("as published: validation images leak into training by class size, as in the original", async (t) => {
  const sizes = [3, 10, 11, 13, 15, 17, 19, 20, 25];
  const expected = [1, 1, 0.9, 0.7, 0.5, 0.3, 0.1, 0, 0];
  const shares = await leakShares(temporaryFolder(t), sizes, "as-published");
  for (const [i, share] of shares.entries()) {
    // 150 rows each: five standard deviations; none where the share is certain.
    const limit = 5 * Math.sqrt((expected[i]! * (1 - expected[i]!)) / 150);
    assert.ok(
      Math.abs(share - expected[i]!) <= limit,
      `classes of ${sizes[i]}: ${share}, expected ${expected[i]}`,
    );
  }
  assert.deepEqual(
    await leakShares(temporaryFolder(t), sizes, "leak-free"),
    sizes.map(() => 0),
  );
});
