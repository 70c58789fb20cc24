// Counts the rows per class.
import { readTableForm } from "../common/csv/table_text";
import { projectPath } from "../common/project";
import { withDatabase } from "./database";
import { loadCsv } from "./read_csv";

/** How many rows one class has. */
export interface ClassCount {
  label: number;
  images: number;
}

/**
 * Rows per class of any table of the pipeline (`labels`, or `new_labels` after the merge), by label: what a
 * histogram shows.
 * @throws UserError for a missing or bad table
 * @example
 * const counts = await classCounts("data/demo/final_data_224.csv");
 */
export async function classCounts(csv: string): Promise<ClassCount[]> {
  const path = projectPath(csv);
  const next = "Give the path of a table of the pipeline, for example data/demo/final_data_224.csv.";
  return withDatabase(async (database) => {
    const label = readTableForm(path, [], next).columns.includes("new_labels") ? "new_labels" : "labels";
    await loadCsv(database, "counted", path, [{ name: label, kind: "label" }], next, { as: "VIEW" });
    return database.rows<ClassCount>(
      `SELECT ${label} AS label, count(*) AS images FROM counted GROUP BY label ORDER BY label`,
    );
  });
}
