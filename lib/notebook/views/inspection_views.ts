// Shows what is wrong with photos: a table of the findings, and the first pictures of each.
import { join } from "node:path";
import { escapeHtml } from "../../common/html";
import type { InspectReport } from "../../inspection/inspect";
import { type Section, sectionsOf } from "../../inspection/report_sections";
import type { Drawing } from "../output/drawing";
import { type GridImage, type GridOptions, imageGrid } from "../output/images";
import { tableOf, tableText } from "../output/table";
import { tableHtml } from "../output/table_html";

/** The number of pictures of a section. */
const MOST_PICTURES = 24;

/** Returns whether a value is the report of an inspection. */
export function isInspectReport(value: unknown): value is InspectReport {
  const report = value as Partial<InspectReport> | null;
  return Array.isArray(report?.oddFiles) && Array.isArray(report?.twins) && Array.isArray(report?.unlike);
}

/**
 * Draws a report: the number of findings, broken and odd files as a table, the first pictures of all other findings.
 * @example
 * show(await inspectionGrid(await inspectPhotos({ photos: "photos" })));
 */
export async function inspectionGrid(report: InspectReport, options: GridOptions = {}): Promise<Drawing> {
  const sections = sectionsOf(report);
  const counts = tableOf(sections.map(({ title, rows }) => ({ found: title, rows: rows.length })))!;
  const found = sections.filter(({ rows }) => rows.length > 0);
  const parts = await Promise.all(found.map((section) => sectionHtml(report.folder, section, options)));
  return {
    bundle: {
      "text/html": `<div>${tableHtml(counts)}${parts.join("")}</div>`,
      "text/plain": tableText(counts),
    },
  };
}

async function sectionHtml(folder: string, section: Section, options: GridOptions): Promise<string> {
  const { name, title, text, columns, rows, cards } = section;
  const heading = `<p><b>${escapeHtml(title)}</b> ${escapeHtml(text)}</p>`;
  if (name === "odd_files") {
    const table = tableOf(rows.map((row) => Object.fromEntries(row.map((cell, i) => [columns[i], cell]))))!;
    return heading + tableHtml(table);
  }
  const items = cards.flatMap(({ text: words, pictures }): GridImage[] =>
    pictures.map(({ image, note }) => ({
      image: join(folder, image),
      caption: pictures.length === 1 ? words : note,
    })),
  );
  const grid = await imageGrid(items.slice(0, MOST_PICTURES), options);
  return heading + String(grid.bundle["text/html"]);
}
