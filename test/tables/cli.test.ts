// The commands preprocess and merge in a row, as a script runs them.
import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readTrainingTable } from "guie/dist/tables/training_table";
import sharp from "sharp";
import { temporaryFolder, writeFile } from "../folders";
import { guie } from "../in_process";

test("preprocess, then merge: tables for people, JSON for scripts", async (t) => {
  const dataDir = temporaryFolder(t);
  const rows = ["image_files,labels"];
  for (const [k, size] of [6, 5, 2].entries()) {
    for (let i = 0; i < size; i++) {
      const file = `raw/rp2k/train/${k}/${i}.png`;
      mkdirSync(join(dataDir, `raw/rp2k/train/${k}`), { recursive: true });
      const background = { r: 80 * k, g: 40 * i, b: 0 };
      await sharp({ create: { width: 30, height: 20, channels: 3, background } })
        .png()
        .toFile(join(dataDir, file));
      rows.push(`${file},${k}`);
    }
  }
  writeFile(join(dataDir, "csv/rp2k.csv"), `${rows.join("\n")}\n`);

  const early = await guie("merge", "--data-dir", dataDir);
  assert.equal(early.status, 1);
  assert.match(
    early.stderr,
    /^guie merge: Expected tables final_data_224.*there is none\.\n {2}Next: npx guie preprocess .*\n$/,
  );

  const preprocessed = await guie("preprocess", "--data-dir", dataDir, "--workers", "2");
  assert.equal(preprocessed.status, 0, preprocessed.stderr);
  assert.match(
    preprocessed.stdout,
    /^data set +rows in +classes in +rows out +classes out +unreadable\n[- ]+\nrp2k +13 +3 +11 +2 +0\nNext: npx guie merge --data-dir \S+\n$/,
  );

  const merged = await guie("merge", "--data-dir", dataDir, "--json");
  assert.equal(merged.status, 0, merged.stderr);
  const summary = JSON.parse(merged.stdout);
  assert.deepEqual(summary.datasets, ["rp2k"]);
  assert.deepEqual(
    summary.tables.map((table: { rows: number }) => table.rows),
    [11, 11, 40, 40],
  );
  const table = await readTrainingTable(dataDir, { fold: 1 });
  assert.equal(table.classes, 2);
  for (const file of [...table.trainFiles, ...table.validationFiles])
    assert.ok(existsSync(join(dataDir, file)), file);
});

test("wrong calls end with a message and exit code 1", async (t) => {
  const dataDir = temporaryFolder(t);
  const calls: [string[], RegExp][] = [
    [
      ["preprocess", "--data-dir", dataDir],
      /Expected tables csv.*there is none\.\n {2}Next: npx guie get-data/,
    ],
    [["preprocess", "--data-dir", dataDir, "--dataset", "rp3k"], /no data set "rp3k".*\n.*"rp2k"/],
    [["preprocess", "--data-dir", dataDir, "--dataset", "rp2k"], /rp2k\.csv.*\n.*npx guie get-data/],
    [["preprocess", "--data-dir", dataDir, "--workers", "none"], /--workers takes a number, got "none"/],
    [["merge", "--data-dir", dataDir, "--folds", "leaky"], /Allowed choices are leak-free, as-published/],
  ];
  for (const [args, message] of calls) {
    const { status, stderr } = await guie(...args);
    assert.equal(status, 1, args.join(" "));
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /\n {4}at /); // no stack trace
  }
});
