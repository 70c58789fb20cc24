// Counts the rows per class of a table.
import { readTableForm } from "../common/csv/table_text";
import { projectPath } from "../common/project";
import { withDatabase } from "./database";
import { loadCsv } from "./read_csv";

/** The number of rows of one class. */
export interface ClassCount {
  label: number;
  images: number;
}

/**
 * Counts the rows per class of any table of the pipeline (`labels`, or `new_labels` after the merge), by label, for a
 * histogram.
 * @throws UserError for a missing or bad table
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
