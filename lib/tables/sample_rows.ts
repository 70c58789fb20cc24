// Draws some rows of a table to look at.

import { randomOrder, withDatabase } from "../common/database/database";
import { projectPath } from "../common/project";
import { ANY_TABLE_NEXT, imageColumns } from "./image_columns";
import { loadCsv } from "./read_csv";

/** One row of a table of the pipeline. */
export interface SampledRow {
  /** Relative to the data directory. */
  imageFile: string;
  label: number;
}

/**
 * Draws some rows of any table of the pipeline, at most one per class, to look at. The same seed gives the same rows.
 * @throws UserError for a missing or bad table
 * @example
 * const rows = await sampleRows("data/demo/final_data_224.csv", 8, 999);
 */
export async function sampleRows(csv: string, count: number, seed: number): Promise<SampledRow[]> {
  const path = projectPath(csv);
  return withDatabase(async (database) => {
    const { file, label } = imageColumns(path);
    const columns = [
      { name: file, kind: "path" as const },
      { name: label, kind: "label" as const },
    ];
    await loadCsv(database, "sampled", path, columns, ANY_TABLE_NEXT);
    return database.rows<SampledRow>(
      `SELECT ${file} AS imageFile, ${label} AS label FROM sampled
       QUALIFY row_number() OVER (PARTITION BY ${label} ORDER BY ${randomOrder(seed, "sample image", file)}) = 1
       ORDER BY ${randomOrder(seed, "sample class", file)} LIMIT ${Math.trunc(count)}`,
    );
  });
}
