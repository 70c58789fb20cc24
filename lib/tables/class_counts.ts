// Counts the rows per class of a table.

import { withDatabase } from "../common/database/database";
import { projectPath } from "../common/project";
import { ANY_TABLE_NEXT, imageColumns } from "./image_columns";
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
 * @example
 * const counts = await classCounts("data/demo/final_data_224.csv");
 */
export async function classCounts(csv: string): Promise<ClassCount[]> {
  const path = projectPath(csv);
  return withDatabase(async (database) => {
    const { label } = imageColumns(path);
    await loadCsv(database, "counted", path, [{ name: label, kind: "label" }], ANY_TABLE_NEXT, {
      as: "VIEW",
    });
    return database.rows<ClassCount>(
      `SELECT ${label} AS label, count(*) AS images FROM counted GROUP BY label ORDER BY label`,
    );
  });
}
