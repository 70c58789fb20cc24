// Both readers of tables (row by row, into DuckDB): compared with pandas and with each other.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type CsvRow, readCsv, wholeNumberCell } from "guie/dist/common/csv/csv";
import { type Database, withDatabase } from "guie/dist/common/database/database";
import { installPath } from "guie/dist/common/project";
import { randomStream } from "guie/dist/common/random";
import { readImageRows } from "guie/dist/datasets/rows";
import { openFeatures } from "guie/dist/features/feature_files";
import { writeFeatures } from "guie/dist/features/feature_writer";
import { readImageList } from "guie/dist/features/image_list";
import { classCounts } from "guie/dist/tables/class_counts";
import { mergeTables } from "guie/dist/tables/merge_tables";
import { type CsvColumn, loadCsv } from "guie/dist/tables/read_csv";
import { temporaryFolder, writeFile } from "../folders";

const TEXTS: CsvColumn[] = [
  { name: "image_files", kind: "text" },
  { name: "labels", kind: "text" },
];
const NAMES = TEXTS.map(({ name }) => name);

interface Golden {
  name: string;
  bytes: string;
  columns?: string[];
  rows?: (string | null)[][];
  error?: string;
}

/** Our messages about tables that pandas accepts and we refuse: each would silently lose or move a cell. */
const REFUSED: Record<string, RegExp> = {
  "UTF-16 without its mark":
    /holds zero bytes, as UTF-16 text without a byte order mark does[\s\S]*iconv -f utf-16le/,
  "text behind a quote": /line 2 has text after a closing quote: write/,
  "a column twice": /has the column "labels" twice; it has: image_files, labels, labels/,
  "a short row": /line 3 has 1 cells, its header 2 \(image_files, labels\): "b\.jpg"/,
  "a comma at the end of each row": /line 2 has 3 cells, its header 2/,
  "a zero byte": /holds zero bytes\./,
  "a header alone": /holds no rows/,
};
/** Our messages about tables that pandas refuses too. */
const IN_WORDS: Record<string, RegExp> = {
  "a quote that is not closed":
    /is not a readable CSV file: the quote that opens a cell in line 2, or below, is not closed/,
  "a long row": /line 3 has 3 cells, its header 2/,
  "Latin-1": /line 2 is not UTF-8 text: read as latin-1 it is "café\.jpg,0"[\s\S]*iconv -f latin1/,
  empty: /is empty: expected a line with the names of its columns \(image_files, labels\)/,
  "one empty line": /is empty: expected a line/,
};

/** Reads the cells of both columns through DuckDB, or returns the error. */
async function throughDatabase(database: Database, path: string): Promise<string[][] | Error> {
  try {
    await loadCsv(database, "read", path, TEXTS, "Next.");
    const rows = await database.rows<Record<string, string | null>>("FROM read ORDER BY rowid");
    return rows.map((row) => NAMES.map((name) => row[name] ?? ""));
  } catch (error) {
    return error as Error;
  }
}

async function rowByRow(path: string): Promise<string[][] | Error> {
  try {
    const rows: CsvRow[] = await readCsv(path, NAMES, "Next.");
    return rows.map((row) => NAMES.map((name) => row[name]!));
  } catch (error) {
    return error as Error;
  }
}

const { tables } = JSON.parse(readFileSync(installPath("test/golden/tables.json"), "utf8")) as {
  tables: Golden[];
};

test("both readers read odd tables as pandas does, or refuse them in words", async (t) => {
  const folder = temporaryFolder(t);
  await withDatabase(async (database) => {
    for (const [i, { name, bytes, columns, rows, error }] of tables.entries()) {
      const path = join(folder, `${i}.csv`);
      writeFileSync(path, Buffer.from(bytes, "base64"));
      const message = REFUSED[name] ?? IN_WORDS[name];
      assert.equal(error !== undefined, name in IN_WORDS, `${name}: pandas says ${error}`);
      const [one, other] = [await rowByRow(path), await throughDatabase(database, path)];
      if (message) {
        for (const found of [one, other]) {
          assert.ok(found instanceof Error, `${name}: ${JSON.stringify(found)}`);
          assert.equal(found.name, "UserError", name);
          assert.match(found.message, message, name);
        }
        continue;
      }
      const wanted = rows!.map((row) => NAMES.map((column) => row[columns!.indexOf(column)]));
      const isEmptyCell = wanted.flat().includes("");
      if (isEmptyCell) assert.match((one as Error).message, /row 1: the column "labels" is empty/, name);
      else assert.deepEqual(one, wanted, name);
      assert.deepEqual(other, wanted, name);
    }
  });
});

test("random files are read alike row by row and into DuckDB, or refused by both", async (t) => {
  const path = join(temporaryFolder(t), "x.csv");
  const plainPieces = ["a", "b.jpg", "1", "é", "", " ", ";", ","];
  const plainEnds = ["\n", "\n", "\n\n", ",\n", ""];
  const oddPieces = ["a", "b.jpg", "1", '"', '""', "'", "'=", "=", " ", ";", "\t", "é", "", "", ""];
  const oddEnds = ["\n", "\n", "\r", "\r\n", "\n\n", ",\n"];
  const random = randomStream(7, "odd tables");
  const tally = { read: 0, refused: 0 };
  await withDatabase(async (database) => {
    for (let i = 0; i < 300; i++) {
      const [pieces, ends] = i % 2 === 0 ? [plainPieces, plainEnds] : [oddPieces, oddEnds];
      const oneOf = (list: readonly string[]) => list[random.integer(0, list.length - 1)]!;
      const cell = () => {
        const text = oneOf(pieces) + oneOf(pieces) + oneOf(pieces);
        return i % 2 === 1 && random.uniform() < 0.3 ? `"${text.replaceAll('"', '""')}${oneOf(ends)}"` : text;
      };
      const text = [1, 2, 3].map(() => `${cell()},${cell()}${oneOf(ends)}`).join("");
      writeFileSync(path, `image_files,labels\nx,1\n${text}`);
      const [one, other] = [await rowByRow(path), await throughDatabase(database, path)];
      const where = JSON.stringify(text);
      if (one instanceof Error && /the column "\w+" is empty/.test(one.message)) continue;
      assert.equal(one instanceof Error, other instanceof Error, `${where}: ${one} / ${other}`);
      if (one instanceof Error) assert.equal(one.message, (other as Error).message, where);
      else assert.deepEqual(other, one, where);
      tally[one instanceof Error ? "refused" : "read"]++;
    }
  });
  assert.ok(tally.read > 20 && tally.refused > 20, JSON.stringify(tally));
});

test("a line end, a letter of several bytes and a quote may cross the border of two pieces of a file", async (t) => {
  const path = join(temporaryFolder(t), "x.csv");
  const head = "image_files,labels\r\n";
  const MEGABYTE = 1 << 20;
  for (const [end, cells] of [
    ["é,1\r\nb,2\r\n", ["é", "b"]],
    ["c,1\r\nb,2\r\n", ["c", "b"]],
    ['"c""d",1\r\nb,2\r\n', ['c"d', "b"]],
  ] as [string, string[]][]) {
    for (let shift = 0; shift < 9; shift++) {
      const filler = `${"x".repeat(MEGABYTE - head.length - 4 - shift)},0\r\n`;
      writeFileSync(path, head + filler + end);
      const rows = await readCsv(path, NAMES);
      const last = rows.slice(1).map((row) => row.image_files);
      assert.deepEqual(last, cells, `${JSON.stringify(end)} ${shift}`);
    }
  }
});

test("paths that are not files are refused at once", async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, "folder.csv"));
  await assert.rejects(readCsv(join(folder, "folder.csv"), []), /folder\.csv: it is a folder/);
  await assert.rejects(readCsv("/dev/zero", []), /Expected a CSV file at \/dev\/zero: it is a device/);
  await assert.rejects(readCsv(join(folder, "none.csv"), []), /there is none/);
  writeFileSync(join(folder, "x.csv"), "PK\x03\x04\0\0");
  await assert.rejects(readCsv(join(folder, "x.csv"), []), /a ZIP file or a spreadsheet/);
});

test("whole numbers: spaces around, leading zeros, up to 15 digits; nothing else", () => {
  for (const [text, number] of [
    ["7", 7],
    [" 12 ", 12],
    ["007", 7],
    ["2395904891", 2395904891],
    ["999999999999999", 999999999999999],
  ] as const)
    assert.equal(wholeNumberCell(text, "x", ""), number);
  for (const text of ["", " ", "x2", "1.0", "-1", "+1", "1e3", "0x10", "1 2", "NaN", "1000000000000000"])
    assert.throws(() => wholeNumberCell(text, "x.csv, row 3: a label", "Fix it."), {
      name: "UserError",
      message:
        /^x\.csv, row 3: a label must be a whole number from 0, it is (empty|".*")\.\n {2}Next: Fix it\.$/,
    });
});

const COMMA_ROWS = [0, 1].flatMap((label) => [0, 1, 2].map((i) => `c${label}/${i}.jpg,${label}`));
const tableOf = (header: string, rows: readonly string[], end = "\n") => [header, ...rows].join(end) + end;
const PLAIN = tableOf("image_files,labels", COMMA_ROWS);
const labelsOf = (first: number) => [first, first, first, first + 1, first + 1, first + 1];

/** Tables of images, and the labels that every command reads from them, or the message of every command. */
const IMAGE_TABLES: [name: string, content: string | Buffer, found: number[] | RegExp][] = [
  ["plain", PLAIN, labelsOf(0)],
  ["a space in the header", PLAIN.replaceAll(",", ", "), labelsOf(0)],
  ["line ends mixed", PLAIN.replace("\n", "\r\n").replace("c0/1.jpg,0\n", "c0/1.jpg,0\r"), labelsOf(0)],
  ["semicolons and a mark", `\ufeff${PLAIN.replaceAll(",", ";").replaceAll("\n", "\r\n")}`, labelsOf(0)],
  ["tabs", PLAIN.replaceAll(",", "\t"), labelsOf(0)],
  ["UTF-16", Buffer.from(`\ufeff${PLAIN}`, "utf16le"), labelsOf(0)],
  [
    "ten digits",
    PLAIN.replaceAll(",0\n", ",2395904891\n").replaceAll(",1\n", ",2395904892\n"),
    labelsOf(2395904891),
  ],
  [
    "a column twice",
    tableOf(
      "image_files,labels,labels",
      COMMA_ROWS.map((row) => `${row},7`),
    ),
    /has the column "labels" twice/,
  ],
  [
    "two labels",
    `${PLAIN}c0/0.jpg,1\n`,
    /"c0\/0\.jpg" (has the label 0 in row 1 and 1 in row 7|is in 2 rows \(of a\) with the label 0 and 1): an image has one class/,
  ],
  [
    "two labels, two forms of Unicode",
    `${PLAIN}\u00e9.jpg,0\ne\u0301.jpg,1\n`,
    /\.jpg" (has the label 0 in row 7 and 1 in row 8|is in 2 rows \(of a\) with the label 0 and 1): an image/,
  ],
  ["empty", "", /is empty: expected a line/],
  [
    "another column",
    PLAIN.replace("image_files", "file"),
    /lacks the column "image_files"; it has: file, labels/,
  ],
  [
    "x2 for 12",
    PLAIN.replace("c1/2.jpg,1", "c1/2.jpg,x2"),
    /row 6: .* must be a whole number from 0, it is "x2"/,
  ],
  ["a zero byte", PLAIN.replace("c1/0", "c1\0/0"), /holds zero bytes/],
];

/** Tables that `embed` takes: labels are any text there, and columns have any names. */
const TAKEN_BY_EMBED = ["another column", "x2 for 12"];

/** Every command's reader of a table of images. @returns its labels in order */
const READERS: Record<string, (path: string, t: TestContext) => Promise<number[]>> = {
  "preprocess, evaluate": async (path) => (await readImageRows(path)).map(({ label }) => label),
  embed: async (path) => [...((await readImageList(path, "data")).rows.labels as number[])],
  "class balance": async (path) =>
    (await classCounts(path)).flatMap(({ label, images }) => Array(images).fill(label)),
  merge: async (path, t) => {
    const dataDir = temporaryFolder(t);
    writeFile(join(dataDir, "final_data_224/a_final_224.csv"), readFileSync(path));
    await mergeTables({ dataDir, datasets: [{ name: "a", folder: "a" }], folds: 2, minPerClass: 1 });
    const classes = await readCsv(join(dataDir, "final_data_224_classes.csv"), ["new_labels", "labels"]);
    const labels = new Map(classes.map((row) => [row.new_labels, Number(row.labels)]));
    const rows = await readCsv(join(dataDir, "final_data_224.csv"), ["new_labels"]);
    return rows.map((row) => labels.get(row.new_labels)!);
  },
};

test("every command accepts the same tables of images, with the same labels, and refuses the same in the same words", async (t) => {
  const path = join(temporaryFolder(t), "images.csv");
  for (const [name, content, found] of IMAGE_TABLES) {
    writeFileSync(path, content);
    for (const [reader, read] of Object.entries(READERS)) {
      const what = `${name}: ${reader}`;
      // The class balance reads labels only.
      if (reader === "class balance" && /two labels|another column/.test(name)) continue;
      if (reader === "embed" && TAKEN_BY_EMBED.includes(name)) continue;
      if (found instanceof RegExp)
        await assert.rejects(read(path, t), { name: "UserError", message: found }, what);
      else assert.deepEqual(await read(path, t), found, what);
    }
  }
});

test("features keep labels of ten digits; a damaged label is refused, not class 0, by its checksum and without one", async (t) => {
  const folder = join(temporaryFolder(t), "set");
  const rows = { files: ["=1.jpg", "b.jpg"], labels: [2395904891, 2395904892] };
  await writeFeatures(
    folder,
    { rows, madeBy: {}, replace: false },
    { data: Float32Array.of(1, 2), count: 2, length: 1 },
  );
  const read = await openFeatures(folder).readRows();
  assert.deepEqual([[...read.files], [...(read.labels as Float64Array)]], [rows.files, rows.labels]);
  const csv = join(folder, "rows.csv");
  assert.equal(readFileSync(csv, "utf8"), "image_files,labels\n./=1.jpg,2395904891\nb.jpg,2395904892\n");
  writeFileSync(csv, readFileSync(csv, "utf8").replace("2395904892", "x2"));
  await assert.rejects(openFeatures(folder).readRows(), /rows\.csv is not what was written .*\(CRC-32\)/);
  const summary = join(folder, "features.json");
  const { rowsCrc32: _, ...withoutSum } = JSON.parse(readFileSync(summary, "utf8"));
  writeFileSync(summary, JSON.stringify(withoutSum));
  await assert.rejects(
    openFeatures(folder).readRows(),
    /rows\.csv, row 2: "labels" must be a whole number from 0, it is "x2"/,
  );
});
