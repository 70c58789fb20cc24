// Tables that spreadsheets open: names never become formulas.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "csv-parse/sync";
import { readCsv, writeCsv } from "guie/dist/common/csv/csv";
import { temporaryFolder } from "../folders";

test("names that a spreadsheet would run are written as text, and read back unchanged", async (t) => {
  const path = join(temporaryFolder(t), "x.csv");
  const names = [
    "=cmd|' /C calc'!A0",
    "+1",
    "-1",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "＝1",
    "a;=1",
    "a;b\t-1;+2",
    "'=1",
    "''=1",
    "'s",
    "a=1",
    "'",
    "",
  ];
  await writeCsv(
    path,
    ["labels", "class_name"],
    names.map((name, i) => [i, name]),
  );
  const text = readFileSync(path, "utf8");
  for (const cell of (parse(text, { from: 2 }) as string[][]).map((row) => row[1]!)) {
    for (const part of cell.split(/[;\t]/)) assert.doesNotMatch(part, /^[=+\-@\r＝]/, JSON.stringify(cell));
  }
  assert.deepEqual(
    (await readCsv(path, [])).map((row) => row.class_name),
    names,
  );
  assert.match(text, /\n0,'=cmd\|' \/C calc'!A0\n1,'\+1\n2,'-1\n/);
});
