// Reading and writing a data set's CSV.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readImageRows, writeImageRows } from "guie/dist/datasets/rows";
import { temporaryFolder } from "../folders";

const FAULTS: [string, RegExp][] = [
  ["image_files,label\na.jpg,0\n", /lacks the column "labels"; it has: image_files, label/],
  ["a.jpg,0\n", /lacks the column "image_files", "labels"; it has: a\.jpg, 0/],
  ["image_files,labels\n", /holds no rows/],
  ["", /is empty: expected a line with the names of its columns \(image_files, labels\)/],
  ["image_files,labels\na.jpg,0\nb.jpg,-1\n", /row 2: a label must be a whole number from 0, it is "-1"/],
  ["image_files,labels\na.jpg,cat\n", /row 1: a label must be a whole number from 0, it is "cat"/],
  ["image_files,labels\na.jpg,1.5\n", /it is "1\.5"/],
  ["image_files,labels\na.jpg,0x10\n", /it is "0x10"/],
  ["image_files,labels\na.jpg,7 8\n", /it is "7 8"/],
  [
    "image_files,labels\na.jpg,0\nb.jpg,1\n./a.jpg,2\n",
    /"\.\/a\.jpg" has the label 0 in row 1 and 2 in row 3/,
  ],
  ["image_files,labels\na.jpg,99999999999999999999\n", /it is "99999999999999999999"/],
  ["image_files,labels\na.jpg,\n", /row 1: the column "labels" is empty/],
  ["image_files,labels\na,b.jpg,0\n", /is not a readable CSV file: .*line 2/],
  [
    'image_files,labels\n"a.jpg,0\n',
    /is not a readable CSV file: the quote that opens a cell in line 2, or below, is not closed/,
  ],
];

test("a table of images with a fault is refused with file, row and value", async (t) => {
  const path = join(temporaryFolder(t), "x.csv");
  for (const [text, message] of FAULTS) {
    writeFileSync(path, text);
    await assert.rejects(readImageRows(path), (error: Error) => {
      assert.equal(error.name, "UserError");
      assert.match(error.message, message);
      assert.ok(error.message.includes(path));
      return true;
    });
  }
});

test("rows are read as written; a byte order mark and Windows line ends are accepted", async (t) => {
  const path = join(temporaryFolder(t), "x.csv");
  const rows = ['raw/a, "b"\n/1.jpg', "raw/été/🚗.jpg", "raw/'.jpg"].map((imageFile, label) => ({
    imageFile,
    label,
  }));
  await writeImageRows(path, rows);
  assert.deepEqual(await readImageRows(path), rows);
  assert.equal(
    readFileSync(path, "utf8"),
    `image_files,labels\n"raw/a, ""b""\n/1.jpg",0\nraw/été/🚗.jpg,1\nraw/'.jpg,2\n`,
  );
  writeFileSync(path, "\ufeffimage_files,labels\r\na.jpg,3\r\n");
  assert.deepEqual(await readImageRows(path), [{ imageFile: "a.jpg", label: 3 }]);
});
