// Columns of images and labels in any table of the pipeline.
import { readTableForm } from "../common/csv/table_text";

/** The advice for a path at which no table of the pipeline is. */
export const ANY_TABLE_NEXT =
  "Give the path of a table of the pipeline, for example data/demo/final_data_224.csv.";

/**
 * Names the columns of images and labels in a table, before or after the merge.
 * @throws UserError for a missing or unreadable file
 */
export function imageColumns(path: string): { file: string; label: string } {
  const isMerged = readTableForm(path, [], ANY_TABLE_NEXT).columns.includes("new_labels");
  return isMerged
    ? { file: "new_image_files", label: "new_labels" }
    : { file: "image_files", label: "labels" };
}
