// Tables as text, HTML and live pages.
import assert from "node:assert/strict";
import { test } from "node:test";
import { breakableHtml } from "guie/dist/notebook/output/breakable";
import { formatCell, tableOf, tableText } from "guie/dist/notebook/output/table";
import { liveTableHtml, tableHtml } from "guie/dist/notebook/output/table_html";
import { JSDOM } from "jsdom";

/** Parses the HTML: returns the texts of each row, and the alignment of each cell of the first body row. */
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

/** Opens the live table in a window that runs its script. */
function live(value: unknown, options = {}) {
  const { window } = new JSDOM("<body></body>", { runScripts: "dangerously" });
  const { document } = window;
  // Like JupyterLab: a script from innerHTML does not run, a new element does.
  document.body.innerHTML = liveTableHtml(tableOf(value)!, options);
  const script = document.querySelector("script")!;
  const again = document.createElement("script");
  again.textContent = script.textContent;
  script.replaceWith(again);
  const column = (at: number) =>
    [...document.querySelectorAll("tbody tr")].map((row) => row.children[at]!.textContent);
  const header = (at: number) => document.querySelectorAll<HTMLElement>("th")[at]!;
  const button = (label: string) => document.querySelector<HTMLButtonElement>(`[aria-label="${label}"]`)!;
  const search = (text: string) => {
    const input = document.querySelector<HTMLInputElement>("input")!;
    input.value = text;
    input.dispatchEvent(new window.Event("input"));
  };
  const note = () => document.querySelector("table")!.nextElementSibling!.querySelector("span")?.textContent;
  return { document, column, header, button, search, note };
}

test("clicks on a header sort: numbers as numbers, gaps last; then in reverse; then in the original order", () => {
  const { column, header } = live([
    { name: "b", images: 1200 },
    { name: "<script>", images: undefined },
    { name: "class 10", images: 9 },
    { name: "class 9", images: 0.00001 },
  ]);
  header(1).click();
  assert.deepEqual(column(1), ["1.00e-5", "9", "1,200", ""]);
  assert.equal(header(1).getAttribute("aria-sort"), "ascending");
  header(1).click();
  assert.deepEqual(column(1), ["1,200", "9", "1.00e-5", ""]);
  header(1).click();
  assert.deepEqual(column(1), ["1,200", "", "9", "1.00e-5"]);
  header(0).click();
  assert.deepEqual(column(0), ["<script>", "b", "class 9", "class 10"]);
});

test("long tables have pages and a search; a very long one keeps its first and last 500 rows", () => {
  const rows = Array.from({ length: 2500 }, (_, i) => ({ i, name: `class ${i}` }));
  const { document, column, header, button, search, note } = live(rows, { maxRows: 10, marked: 1 });
  assert.equal(column(0).length, 10);
  assert.equal(note(), "1–10 of the first and last 500 of 2,500 rows, 2 columns");
  assert.equal(document.querySelectorAll("tr[style*=bold]").length, 1);
  assert.equal(button("page before").disabled, true);
  button("next page").click();
  assert.equal(column(0)[0], "10");
  button("last page").click();
  assert.deepEqual(column(0).slice(-1), ["2,499"]);
  assert.equal(button("next page").disabled, true);
  header(0).click();
  header(0).click();
  assert.equal(column(0)[0], "2,499");
  search("CLASS 24");
  assert.match(note()!, /^1–10 of 111 found in the first and last 500 of 2,500 rows/);
  search("nothing like it");
  assert.deepEqual(column(0), []);
});

test("a label that ends a script stays text where scripts run", () => {
  const bad = "</script><script>document.title = 'taken over'</script><!--";
  const { document, column } = live([{ name: bad }, { name: "b" }]);
  assert.deepEqual(column(0), [bad, "b"]);
  assert.equal(document.title, "");
});

test("numbers are aligned right with thousands separators, texts left, gaps are empty", () => {
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

test("a long path may be broken after its signs, a column's name before its capitals", () => {
  const path = "final_data_224/Art_MET/images/1.jpg";
  const { document, rows } = parse(tableHtml(tableOf([{ perClassBefore: path, images: "3 of 4" }])!));
  assert.deepEqual(rows, [
    ["perClassBefore", "images"],
    [path, "3 of 4"],
  ]);
  assert.equal(document.querySelector("th")!.innerHTML, "per<wbr>Class<wbr>Before");
  const cells = [...document.querySelectorAll("td")];
  assert.equal(cells[0]!.innerHTML, "final_<wbr>data_<wbr>224/<wbr>Art_<wbr>MET/<wbr>images/<wbr>1.jpg");
  assert.match(cells[1]!.getAttribute("style")!, /white-space: nowrap/);
});

test("only long words may break: after signs, after every 16 characters without one, never in a number", () => {
  const hash = "0b10ffe557b86cbab082e4206e16ff7f";
  assert.equal(breakableHtml("margin -0.43; a/b & c"), "margin -0.43; a/b &amp; c");
  assert.equal(
    breakableHtml(`loss 7.72; ${hash}.jpg`),
    "loss 7.72; 0b10ffe557b86cba<wbr>b082e4206e16ff7f<wbr>.jpg",
  );
});

test("shares and ranges in words are aligned right; a line breaks before an interval, never inside", () => {
  const share = { under20: "97 %", perClass: "4 - 240", score: "+0.092 [+0.053, +0.130] *" };
  const { document, aligned } = parse(tableHtml(tableOf([share, { under20: "0 %", perClass: "20" }])!));
  assert.deepEqual(aligned, ["right", "right", "left"]);
  const score = document.querySelectorAll("td")[2]!;
  assert.equal(score.textContent, "+0.092 [+0.053,\u00a0+0.130]\u00a0*");
  assert.doesNotMatch(score.getAttribute("style")!, /nowrap/);
  const { column, search } = live([share, { score: "b" }], { maxRows: 1 });
  search("[+0.053, +0.130]");
  assert.deepEqual(column(0), ["97 %"]);
});

test("a long table shows its head, its tail and its length", () => {
  const long = tableOf(Array.from({ length: 1254 }, (_, i) => ({ i })))!;
  const { rows, document } = parse(tableHtml(long, { maxRows: 5 }));
  assert.deepEqual(rows.flat(), ["i", "0", "1", "2", "… 1,249 rows not shown …", "1,252", "1,253"]);
  assert.match(document.body.textContent!, /1,254 rows, 1 column$/);
  assert.equal(
    tableText(long, { maxRows: 2, title: "Numbers" }),
    ["Numbers", "i    ", "-----", "0    ", "… 1,252 rows not shown …", "1,253", "1,254 rows, 1 column"].join(
      "\n",
    ),
  );
  assert.equal(parse(tableHtml(long, { maxRows: 1254 })).rows.length, 1255);
});

test("a frame's index is shown if it is not trivial; other values are not tables", () => {
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

test("the numbers of a column with fractions have one number of decimals; columns of very different sizes stay", () => {
  const columns = (values: Record<string, unknown[]>) =>
    Object.fromEntries(
      Object.entries(values).map(([name, column]) => {
        const { rows } = parse(tableHtml(tableOf(column.map((value) => ({ value })))!));
        return [name, rows.slice(1).map(([text]) => text)];
      }),
    );
  assert.deepEqual(
    columns({
      shares: [0.64678, 0.763, 1, 0],
      seconds: [11.7512, 2.8114, 3.5],
      medians: [8, 6.5, 9, null],
      large: [1844.91, 303.97],
      rounded: [0.762987],
      exact: [0.3, 0.5],
      spans: [22.0612, 0.0071524, 303.97, 1136.01],
      mixed: [0.02, 0.0005, "none"],
      counts: [3, 12000, 0, 5013],
    }),
    {
      shares: ["0.647", "0.763", "1.000", "0.000"],
      seconds: ["11.75", "2.81", "3.50"],
      medians: ["8.0", "6.5", "9.0", ""],
      large: ["1,844.9", "304.0"],
      rounded: ["0.7630"],
      exact: ["0.3", "0.5"],
      spans: ["22.06", "0.007152", "304.0", "1,136.0"],
      mixed: ["0.02", "0.0005", "none"],
      counts: ["3", "12,000", "0", "5,013"],
    },
  );
});
