// Writes a report of an inspection: a page, and a CSV file for each table.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { writeCsv } from "../common/csv/csv";
import { pathForSpreadsheet } from "../common/csv/spreadsheet";
import { UserError } from "../common/errors";
import { makeFolder, writeFileAtomically, writeJson } from "../common/files/files";
import { projectPath } from "../common/project";
import type { InspectReport } from "./inspect";
import { reportPage } from "./report_page";
import { sectionsOf } from "./report_sections";

/** File names of a report. */
export const REPORT_FILES = { page: "inspect.html", report: "inspect.json" } as const;

/** Columns with paths, which must not look like formulas. */
const PATHS = ["image_files", "image_a", "image_b"];

/**
 * Writes a report to a folder: `inspect.html`, a CSV file for each table, and `inspect.json` with all of it. Replaces
 * an earlier report.
 * @returns the page's path
 * @throws UserError if the folder holds anything but a report
 * @example
 * await writeReport("inspected/photos", await inspectPhotos({ photos: "photos" }));
 */
export async function writeReport(out: string, report: InspectReport): Promise<string> {
  const folder = projectPath(out);
  requireReportFolder(folder);
  makeFolder(folder);
  writeJson(join(folder, REPORT_FILES.report), report);
  for (const { name, columns, rows } of sectionsOf(report)) {
    const isPath = columns.map((column) => PATHS.includes(column));
    const safe = rows.map((row) =>
      row.map((cell, i) => (isPath[i] ? pathForSpreadsheet(String(cell)) : cell)),
    );
    await writeCsv(join(folder, `${name}.csv`), columns, safe);
  }
  const page = join(folder, REPORT_FILES.page);
  writeFileAtomically(page, await reportPage(report));
  return page;
}

/** Refuses a folder that holds other things. @throws UserError */
export function requireReportFolder(folder: string): void {
  if (!existsSync(folder) || existsSync(join(folder, REPORT_FILES.report))) return;
  const [name] = readdirSync(folder);
  if (name === undefined) return;
  throw new UserError(
    `Expected a new folder for the report, or one of an earlier report: ${folder} holds other files, the first is ${name}.`,
    "Choose another folder: npx guie inspect PHOTOS --out FOLDER",
  );
}
