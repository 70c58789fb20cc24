// The class report: its numbers, and its messages to and from the page.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, type TestContext, test } from "node:test";
import { classReport } from "guie/dist/notebook/views/class_report";
import { balanceInWords } from "guie/dist/notebook/views/class_views";
import { mergeTables } from "guie/dist/tables/merge_tables";
import { JSDOM } from "jsdom";
import sharp from "sharp";
import { temporaryFolder, writeFile } from "../folders";
import { named, rowsOfSizes, writeDataset } from "../tables/make";
import { commOf, forgetComms, moveInPage, sendInPage } from "./fake_comms";

beforeEach(() => forgetComms());

const BAD = "<script>alert(1)</script>";
const MANY = 30;

/** Merges the classes of two data sets: of "a" with 1, 6 and 30 raw images, the first is dropped; thirty of "b". */
async function makeClasses(t: TestContext): Promise<string> {
  const dataDir = temporaryFolder(t);
  const csv = (name: string, sizes: readonly number[]) =>
    writeFile(
      join(dataDir, `csv/${name}.csv`),
      `image_files,labels\n${rowsOfSizes(name, sizes)
        .map((row) => `${row.join(",")}\n`)
        .join("")}`,
    );
  csv("a", [1, 6, 30]);
  csv("b", Array(MANY).fill(4));
  const names = `labels,class_name\n0,small\n1,"${BAD}"\n2,=large\n`;
  writeFile(join(dataDir, "csv/a_classes.csv"), names);
  writeFile(join(dataDir, "final_data_224/a_classes.csv"), names);
  writeDataset(dataDir, "a", rowsOfSizes("a", [0, 6, 30]));
  writeDataset(dataDir, "b", rowsOfSizes("b", Array(MANY).fill(4)));
  await mergeTables({
    dataDir,
    datasets: [named("a"), named("b")],
    maxPerClass: 10,
    minPerClass: 8,
    folds: 2,
  });
  return dataDir;
}

const makeReport = (dataDir: string) => classReport(dataDir, [named("a"), named("b")]);

/** Sends a message of the page; returns the answer. */
async function ask(content: object) {
  const comm = commOf("AnyModel");
  await sendInPage(comm, { id: "tab", ...content });
  const sent = comm.sent.filter(({ data }) => data.method === "custom").at(-1)!;
  return { answer: sent.data.content as Record<string, unknown>, buffers: sent.buffers };
}

test("sizes after every step, per data set and in all", async (t) => {
  const { balance } = await makeReport(await makeClasses(t));
  const rows = balanceInWords(balance).filter((row) => row["data set"] === "a");
  assert.deepEqual(
    rows.map(({ gini, ...row }) => Object.values(row).slice(1)),
    [
      ["raw", 3, 37, 1, 6, 30, "67 %"],
      ["preprocessed", 2, 36, 6, 18, 30, "50 %"],
      ["merged", 2, 36, 6, 18, 30, "50 %"],
      ["sampled", 2, 16, 6, 8, 10, "100 %"],
      ["balanced", 2, 18, 8, 9, 10, "100 %"],
    ],
  );
  // Two classes: (large - small) / (2 x sum)
  assert.deepEqual(
    rows.map(({ gini }) => gini),
    [0.523, 0.333, 0.333, 0.125, 0.056],
  );
  const all = balanceInWords(balance)[0]!;
  assert.deepEqual([all["data set"], all.classes, all.images], ["all", 33, 157]);
});

test("ticked classes go to exclude.csv after two clicks, and the table says so", async (t) => {
  const dataDir = await makeClasses(t);
  const report = await makeReport(dataDir);
  await moveInPage(commOf("AnyModel"), { ticked: [0, 2] });
  assert.deepEqual(
    report.ticked.map(({ className }) => className),
    ["small", "=large"],
  );
  assert.equal((await ask({ kind: "write" })).answer.words, "Nothing was written.");
  const { answer } = await ask({ kind: "count" });
  assert.equal(answer.images, 30);
  assert.match(String(answer.words), /Ticked classes: 2\. Their 30 images will be added to .*exclude\.csv/);
  assert.equal((await ask({ kind: "write", id: "another tab" })).answer.words, "Nothing was written.");
  assert.match(String((await ask({ kind: "write" })).answer.words), /30 rows were added/);
  const text = readFileSync(join(dataDir, "exclude.csv"), "utf8");
  assert.equal(text.split("\n")[1], `a/2_0.jpg,"class ""=large"" left out by hand in the class table"`);
  assert.deepEqual(report.ticked, []);
  assert.match(JSON.stringify(report.model.state.classes), /30 of 30 in exclude\.csv .*merge anew/);
  await mergeTables({ dataDir, datasets: [named("a"), named("b")], folds: 2 });
  const again = await makeReport(dataDir);
  assert.equal(again.classes.find(({ className }) => className === "=large")!.merged, 0);
  assert.match(again.still().text, /30 of 30 left out by exclude\.csv/);
});

test("images of a class come in parts, with the reason for those that cannot be read; rows come as CSV", async (t) => {
  const dataDir = await makeClasses(t);
  for (let i = 0; i < 29; i++) {
    const path = join(dataDir, `a/2_${i}.jpg`);
    mkdirSync(dirname(path), { recursive: true });
    await sharp({ create: { width: 400, height: 20, channels: 3, background: "red" } }).toFile(path);
  }
  await makeReport(dataDir);
  const first = await ask({ kind: "images", row: 2, first: 0 });
  assert.deepEqual([first.answer.total, (first.answer.names as string[]).length], [30, 24]);
  assert.match(String(first.answer.title), /^=large \(a\): cut from 30 to 10; 30 images$/);
  assert.equal((await sharp(first.buffers[0]).metadata()).width, 192);
  const rest = await ask({ kind: "images", row: 2, first: 24 });
  assert.match((rest.answer.names as string[]).at(-1)!, /^2_29\.jpg: /);
  assert.equal(rest.buffers.at(-1)!.byteLength, 0);
  const { answer } = await ask({ kind: "csv", rows: [2, 0] });
  assert.deepEqual(String(answer.text).split("\n").slice(1, 3), [
    "'=large,a,cut from 30 to 10,30,30,30,10,10,5,5,0",
    "small,a,dropped: too few readable images (of 1),1,0,0,0,0,0,0,0",
  ]);
});

test("without a kernel: all steps, and the first 20 classes as plain, escaped HTML; before the merge fewer columns", async (t) => {
  forgetComms(false);
  const dataDir = await makeClasses(t);
  const { html, text } = (await makeReport(dataDir)).still();
  const { document } = new JSDOM(html).window;
  assert.equal(document.querySelectorAll("script").length, 0);
  assert.equal(document.querySelectorAll("svg").length, 0, "a reader that was not run removes SVG");
  assert.match(document.querySelector("img")!.alt, /^The long tail/);
  const [steps, classes] = document.querySelectorAll("table");
  assert.equal(steps!.querySelectorAll("tbody tr").length, 3 * 5);
  assert.equal(classes!.querySelectorAll("tbody tr").length, 20);
  assert.equal(classes!.querySelectorAll("tbody td:first-child")[1]!.textContent, BAD);
  assert.match(text, /The first 20 of 33 classes\./);
  const early = await classReport(dataDir, [named("a")], { stages: ["raw", "preprocessed"] });
  assert.match(early.still().text, /small +a +dropped: too few readable images \(of 1\) +1 +0 +0/);
});
