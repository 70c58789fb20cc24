// Finds merged classes by name.
import { join } from "node:path";
import { sqlText, withDatabase } from "../common/database/database";
import { UserError } from "../common/errors";
import { sameName } from "../common/files/unicode_names";
import { projectPath } from "../common/project";
import { CLASSES_CSV, CLASSES_TABLE, MERGED_CSV, MERGED_TABLE } from "./layout";
import { loadCsv } from "./read_csv";

/** A class of the merged table, found by its name. */
export interface FoundClass {
  newLabel: number;
  dataset: string;
  /** Its label within the data set. */
  label: number;
  className: string;
  images: number;
  /** Its first image, relative to the data directory. */
  firstImage: string;
}

/**
 * Finds the merged classes whose name contains `text` (case is ignored), by new label; all classes for an empty text.
 * @throws UserError if there is none, or the data sets are not merged yet
 * @example
 * await findClasses("data/demo", "apple") // every class whose name holds "apple"
 */
export async function findClasses(dataDir: string, text: string): Promise<FoundClass[]> {
  const folder = projectPath(dataDir);
  const next = "npx guie merge";
  return withDatabase(async (database) => {
    await loadCsv(database, "classes", join(folder, CLASSES_CSV), CLASSES_TABLE, next);
    await loadCsv(database, "merged", join(folder, MERGED_CSV), MERGED_TABLE, next);
    const found = await database.rows<FoundClass>(
      `SELECT new_labels AS newLabel, classes.dataset, labels AS label, class_name AS className,
         count(*) AS images, arg_min(new_image_files, merged.rowid) AS firstImage
       FROM classes JOIN merged USING (new_labels)
       WHERE contains(lower(class_name), lower(${sqlText(sameName(text))}))
       GROUP BY ALL ORDER BY newLabel`,
    );
    if (found.length === 0)
      throw new UserError(
        `No merged class has "${text}" in its name.`,
        "Search for something else; an empty text lists all classes.",
      );
    return found;
  });
}
