// Class balance in one call: sizes after every step, the long tail, and a row per class that is sorted, searched, opened
// and ticked.
import { join } from "node:path";
import { browserFunction } from "../../common/browser_files";
import { csvLines } from "../../common/csv/csv";
import { escapeHtml } from "../../common/html";
import { projectPath } from "../../common/project";
import type { DatasetName } from "../../preprocessing/layout";
import { type BalanceStage, balanceStages, type ClassBalance, classBalance } from "../../tables/balance";
import { type ClassRow, classTable } from "../../tables/class_table";
import { excludeImages } from "../../tables/exclude";
import { imagesToExclude } from "../../tables/exclusions";
import { CORRECTION_FILES } from "../../tables/layout";
import { figureSvg, pictureHtml } from "../output/figure";
import { type Table, tableOf, tableText } from "../output/table";
import { type TablePage, tableHtml, tablePage } from "../output/table_html";
import { widget } from "../widgets/own";
import type { Still, Widget } from "../widgets/widget";
import { classImages } from "./class_pictures";
import { balanceInWords, classesInWords, longTailFigure } from "./class_views";

/** Options of a class report. */
export interface ClassReportOptions {
  /** The steps to show. Default: all whose tables exist. */
  stages?: readonly BalanceStage[];
  /** The validation fold. Default 1. */
  fold?: number;
}

/** A class report in a cell. */
export interface ClassReport extends Widget {
  /** A row per class. */
  readonly classes: readonly ClassRow[];
  /** The classes that are ticked now. */
  readonly ticked: readonly ClassRow[];
  /** The class sizes after every step, per data set and in all. */
  readonly balance: readonly ClassBalance[];
}

/** A table of the page: plain HTML, and the data for its script. */
interface PageTable {
  html: string;
  page: TablePage;
}

/** What the page asks; `id`: its tab. */
type Message = { id: string } & (
  | { kind: "images"; row: number; first: number }
  | { kind: "count" }
  | { kind: "write" }
  | { kind: "csv"; rows: number[] }
);

const STILL_ROWS = 20;
const MOST_SUMMARY_ROWS = 100;
/** Data sets on a page of the summary. */
const SUMMARY_SETS = 3;

/**
 * Returns the class balance of data sets, for `show`: images and classes, smallest, median and largest class, share of
 * classes under 20, and Gini coefficient per data set and in all, after every step; the long tail; and a row per class,
 * which says what was dropped, repeated, cut, held out or excluded. A click on a row shows the class's images; a button
 * adds those of ticked classes to `exclude.csv`, after it has asked, and the next merge leaves them out.
 * @throws UserError if no data set has been read yet, or for a bad table
 * @example
 * const report = await classReport("data/demo", preparedDataSets("data/demo"));
 * await show(report); // in the next cell: report.ticked
 */
export async function classReport(
  dataDir: string,
  datasets: readonly DatasetName[],
  { stages = balanceStages(dataDir, datasets), fold }: ClassReportOptions = {},
): Promise<ClassReport> {
  const folder = projectPath(dataDir);
  const balance = await classBalance(dataDir, datasets, stages);
  const isMerged = stages.includes("merged");
  const read = async () => {
    const rows = await classTable(dataDir, datasets, { fold });
    return isMerged ? rows : rows.map(withoutMerge);
  };
  let classes = await read();
  let words = classesInWords(classes, { isMerged });
  const tail = await figureSvg(longTailFigure(classes));
  const picture = await pictureHtml(tail, "The long tail: images of each class, largest first");
  const summary = tableOf(balanceInWords(balance))!;
  const summaryRows = SUMMARY_SETS * stages.length;
  const report = widget({
    css: CSS,
    esm: `const liveTable = ${browserFunction("table")};\nconst classReport = ${browserFunction("class_report")};\nexport default () => classReport(liveTable);`,
    state: {
      summary: pageTable("Images of each class, after every step", summary, summaryRows),
      tail,
      classes: pageTable("Every class", tableOf(words)!, STILL_ROWS),
      ticked: [] as number[],
    },
    still: () => stillOf(summary, picture, tableOf(words)!),
  });
  const file = join(dataDir, CORRECTION_FILES.exclude);
  const tickedRows = () => report.state.ticked.flatMap((row) => classes[row] ?? []);
  let asked: { id: string; rows: { image: string; reason: string }[] } | undefined;

  const count = async (id: string) => {
    const ticked = tickedRows();
    const { rows, already } = await imagesToExclude(folder, datasets, ticked, reasonOf);
    asked = { id, rows };
    return { images: rows.length, words: countInWords(ticked.length, rows.length, already, file) };
  };
  const write = async (id: string) => {
    if (asked?.id !== id || asked.rows.length === 0) return { words: "Nothing was written." };
    const { rows } = asked;
    asked = undefined;
    await excludeImages(folder, rows);
    classes = await read();
    words = classesInWords(classes, { isMerged });
    report.set({ classes: pageTable("Every class", tableOf(words)!, STILL_ROWS), ticked: [] });
    return {
      words: `${rows.length} rows were added to ${file}. The next merge leaves these images out; to take them back, delete the rows.`,
    };
  };
  const images = async (row: number, first: number) => {
    const entry = classes[row];
    if (!entry) return undefined;
    const { names, jpegs, total } = await classImages(folder, datasets, entry, first);
    const title = `${entry.className} (${entry.dataset}): ${words[row]!["what happened"]}; ${total} images`;
    return { answer: { row, first, title, names, total }, jpegs };
  };
  report.onMessage(async (content) => {
    const message = content as Message;
    const { id, kind } = message;
    if (kind === "count") report.send({ id, kind, ...(await count(id)) });
    else if (kind === "write") report.send({ id, kind: "wrote", ...(await write(id)) });
    else if (kind === "csv") report.send({ id, kind, text: csvOf(words, message.rows) });
    else {
      const found = await images(message.row, message.first);
      if (found) report.send({ id, kind, ...found.answer }, found.jpegs);
    }
  });
  return Object.defineProperties(report as unknown as ClassReport, {
    classes: { get: () => classes },
    ticked: { get: tickedRows },
    balance: { value: balance },
  });
}

/** Eleven columns and the ticks fit the width of a notebook at 1,100 px. */
const CSS = `.classes table, .summary table { margin-left: 0; font-size: 12px }
.classes td, .classes th { padding: 3px }
.classes th span { width: .9em !important }
.classes td:nth-child(4) { min-width: 120px }`;

/** Returns a class before Data_Merge. */
function withoutMerge(row: ClassRow): ClassRow {
  return { ...row, newLabel: undefined, merged: 0, sampled: 0, rows: 0, train: 0, validation: 0 };
}

function reasonOf({ className }: ClassRow): string {
  return `class "${className}" left out by hand in the class table`;
}

/** Says what will be written, before it is. */
function countInWords(classes: number, images: number, already: number, file: string): string {
  const more = already > 0 ? ` ${already} of their images are in it already.` : "";
  if (images === 0) return `Ticked classes: ${classes}. They have no image to add to ${file}.${more}`;
  return `Ticked classes: ${classes}. Their ${images} images will be added to ${file}, and the next merge leaves them out.${more} Its other rows stay.`;
}

function pageTable(title: string, table: Table, maxRows: number): PageTable {
  const first = { ...table, rows: table.rows.slice(0, maxRows) };
  return { html: tableHtml(first, { title }), page: tablePage(table, { maxRows }, Number.POSITIVE_INFINITY) };
}

/** Returns the report for readers without a kernel. */
function stillOf(summary: Table, picture: string, classes: Table): Still {
  const first = { ...classes, rows: classes.rows.slice(0, STILL_ROWS) };
  const cut =
    classes.rows.length > STILL_ROWS ? `The first ${STILL_ROWS} of ${classes.rows.length} classes.` : "";
  const options = { title: "Images of each class, after every step", maxRows: MOST_SUMMARY_ROWS };
  return {
    html: `${tableHtml(summary, options)}${picture}${tableHtml(first, { title: "Every class" })}<p>${escapeHtml(cut)}</p>`,
    text: [tableText(summary, options), tableText(first, { title: "Every class" }), cut].join("\n"),
  };
}

function csvOf(words: readonly Record<string, string | number>[], rows: readonly number[]): string {
  const columns = Object.keys(words[0]!);
  const cells = rows.flatMap((row) => (words[row] ? [columns.map((column) => words[row]![column]!)] : []));
  return csvLines([columns, ...cells]);
}
