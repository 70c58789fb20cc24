import assert from "node:assert/strict";
import { test } from "node:test";
import { formatCell, tableHtml, tableOf, tableText } from "guie/dist/notebook/table";
import { JSDOM } from "jsdom";

/** What a browser makes of the HTML: the texts of each row, and how each cell of the first body row is aligned. */
function parse(html: string) {
  const { document } = new JSDOM(html).window;
  const rows = [...document.querySelectorAll("tr")].map((row) =>
    [...row.children].map((cell) => cell.textContent),
  );
  const aligned = [...document.querySelectorAll("tbody tr:first-child td")].map(
    (cell) => /text-align: (\w+)/.exec(cell.getAttribute("style") ?? "")?.[1],
  );
  return { document, rows, aligned };
}

test("markup in labels, column names and the title stays text", () => {
  const bad = `<script>alert("1")</script>&amp;'`;
  const { document, rows } = parse(tableHtml(tableOf([{ [bad]: bad }])!, { title: bad }));
  assert.equal(document.querySelectorAll("script").length, 0);
  assert.deepEqual(rows, [[bad], [bad]]);
  assert.equal(document.querySelector("p")!.textContent, bad);
});

test("numbers stand to the right with thousands apart, texts to the left, gaps are empty", () => {
  const objects = [
    { name: "rp2k", images: 12345, share: 0.123456 },
    { name: "7", images: 3, share: null },
  ];
  const { rows, aligned } = parse(tableHtml(tableOf(objects)!));
  assert.deepEqual(rows.slice(1), [
    ["rp2k", "12,345", "0.1235"],
    ["7", "3", ""],
  ]);
  assert.deepEqual(aligned, ["left", "right", "right"]);
});

test("a long table shows its head and its tail and says how long it is", () => {
  const long = tableOf(Array.from({ length: 1254 }, (_, i) => ({ i })))!;
  const { rows, document } = parse(tableHtml(long, { maxRows: 5 }));
  assert.deepEqual(rows.flat(), ["i", "0", "1", "2", "… 1,249 rows not shown …", "1,252", "1,253"]);
  assert.match(document.body.textContent!, /1,254 rows, 1 columns$/);
  assert.equal(
    tableText(long, { maxRows: 2, title: "Numbers" }),
    ["Numbers", "i    ", "-----", "0    ", "… 1,252 rows not shown …", "1,253", "1,254 rows, 1 columns"].join(
      "\n",
    ),
  );
  assert.equal(parse(tableHtml(long, { maxRows: 1254 })).rows.length, 1255);
});

test("a frame's index is shown when it says something; other values are no table", () => {
  const counts = { columns: ["images"], values: [5, 3], index: ["apple", "pear"] };
  assert.deepEqual(tableOf(counts), {
    columns: ["", "images"],
    rows: [
      ["apple", 5],
      ["pear", 3],
    ],
  });
  assert.deepEqual(tableOf({ ...counts, values: [[5], [3]], index: [0, 1] }), {
    columns: ["images"],
    rows: [[5], [3]],
  });
  for (const other of [[], [1, 2], "text", null, { data: [], layout: {} }])
    assert.equal(tableOf(other), undefined);
});

test("numbers of every size are short", () => {
  const numbers = [0, -1, 274330, 0.00012345, 1.5e-7, 1234.5678, 12n, Number.NaN, true, [1, 2]];
  const texts = ["0", "-1", "274,330", "0.0001234", "1.50e-7", "1,234.6", "12", "", "true", "[ 1, 2 ]"];
  assert.deepEqual(numbers.map(formatCell), texts);
});
