// Odd and wrong tables, and a full disk. More in merge.test.ts and reading.test.ts.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";
import { classCounts } from "guie/dist/tables/class_counts";
import { mergeTables } from "guie/dist/tables/merge_tables";
import { readTrainingTable } from "guie/dist/tables/training_table";
import { temporaryFolder, writeFile } from "../folders";
import { FILES, named, readRows, rowsOfSizes, writeDataset } from "./make";

test("quotes, commas, newlines and other scripts in paths survive every table", async (t) => {
  const dataDir = temporaryFolder(t);
  const names = [
    'say "hi".jpg',
    "a,b.jpg",
    "two\nlines.jpg",
    "'; DROP TABLE x.jpg",
    "東方 é.jpg",
    "..dots...jpg",
  ];
  const rows = names.flatMap((name, k) => [0, 1, 2].map((i) => [`a/${i} ${name}`, k] as const));
  const cell = (text: string) => `"${text.replaceAll('"', '""')}"`;
  writeFile(
    join(dataDir, "final_data_224/a_final_224.csv"),
    `image_files,labels\n${rows.map(([file, label]) => `${cell(file)},${label}\n`).join("")}`,
  );
  await mergeTables({ dataDir, datasets: [named("a")], folds: 3 });
  const expected = rows.map(([file]) => file);
  assert.deepEqual(
    readRows(dataDir, FILES[0]).map((row) => row.new_image_files),
    expected,
  );
  const { trainFiles, validationFiles } = await readTrainingTable(dataDir, { fold: 1 });
  assert.deepEqual([...new Set([...trainFiles, ...validationFiles])].sort(), [...expected].sort());
  assert.deepEqual(
    (await classCounts(join(dataDir, FILES[2]))).map(({ images }) => images),
    names.map(() => 20),
  );
});

test("errors of a data set's table name file, row and fix; earlier tables stay", async (t) => {
  const dataDir = temporaryFolder(t);
  writeDataset(dataDir, "a", rowsOfSizes("a", [5]));
  await mergeTables({ dataDir, datasets: [named("a")] });
  const before = FILES.map((file) => readFileSync(join(dataDir, file), "utf8"));
  const header = "image_files,labels\n";
  const cases: [string | Buffer, RegExp][] = [
    ["path,class\na/1.jpg,1\n", /lacks the column "image_files", "labels"; it has: path, class/],
    [`${header}a/1.jpg,tea\n`, /row 1: "labels" must be a whole number from 0, it is "tea"/],
    [`${header}a/1.jpg,0\na/2.jpg,-3\n`, /row 2: "labels" must be a whole number from 0, it is "-3"/],
    [`${header}a/1.jpg,99999999999999999999\n`, /row 1: .* it is "99999999999999999999"/],
    [`${header}a/1.jpg,0\na/../../2.jpg,0\n`, /row 2: "image_files" must be a path below the data directory/],
    [`${header}..,0\n`, /row 1: "image_files" must be a path below the data directory.*it is "\.\."/],
    [`${header}/etc/passwd,0\n`, /row 1: "image_files" must be a path below the data directory/],
    [
      Buffer.concat([Buffer.from(`${header}a/caf`), Buffer.of(0xe9), Buffer.from(".jpg,0\n")]), // é in Latin-1
      /a_final_224\.csv, line 2 is not UTF-8 text: read as latin-1 it is "a\/café\.jpg,0"/,
    ],
    [header, /a_final_224\.csv holds no rows\.\n {2}Next: npx guie preprocess --dataset a/],
    [`${header}"a/1.jpg,0\n`, /a_final_224\.csv is not a readable CSV file/],
  ];
  for (const [content, message] of cases) {
    writeFile(join(dataDir, "final_data_224/a_final_224.csv"), content);
    await assert.rejects(
      mergeTables({ dataDir, datasets: [named("a")] }),
      (error: Error) => error.name === "UserError" && message.test(error.message),
      String(message),
    );
  }
  const after = FILES.map((file) => readFileSync(join(dataDir, file), "utf8"));
  assert.deepEqual(after, before);
});

test("on a full disk the message says so, earlier tables stay intact, nothing is left behind", async (t) => {
  const dataDir = temporaryFolder(t);
  const name = "a-long-name-".repeat(10);
  writeDataset(dataDir, "rp2k", rowsOfSizes(name, Array<number>(200).fill(100)));
  await mergeTables({ dataDir, datasets: [named("rp2k")], seed: 1 });
  const before = FILES.map((file) => readFileSync(join(dataDir, file), "utf8"));
  // A process limited to files of 1 MB: its writes fail as on a full disk. The tables have 2 MB and more.
  const command = `ulimit -f 1000; exec "$0" "$1" merge --data-dir "$2" --seed 2`;
  const { status, stderr } = spawnSync(
    "bash",
    ["-c", command, process.execPath, installPath("lib/bin/guie.js"), dataDir],
    { encoding: "utf8" },
  );
  assert.equal(status, 1, stderr);
  assert.match(
    stderr,
    /guie merge: A table could not be written: .*File too large.*as they were\.\n {2}Next: Make room/,
  );
  assert.deepEqual(
    FILES.map((file) => readFileSync(join(dataDir, file), "utf8")),
    before,
  );
  assert.deepEqual(readdirSync(dataDir).sort(), [...FILES, "final_data_224"].sort());
});
