// Reads the names of classes by their label.
import { existsSync } from "node:fs";
import { readCsv, wholeNumberCell } from "../common/csv/csv";
import { UserError } from "../common/errors";
import { projectPath } from "../common/project";

/**
 * Reads class names by label from a CSV with the columns `labels` (or `new_labels`) and `class_name`.
 * @returns an empty map if the file does not exist
 * @throws UserError for a label that is not a whole number, or that has two names
 * @example
 * (await readClassNames("data/demo/retrieval/classes.csv")).get(0)
 */
export async function readClassNames(csv: string): Promise<Map<number, string>> {
  const path = projectPath(csv);
  if (!existsSync(path)) return new Map();
  const names = new Map<number, string>();
  const rows = await readCsv(path, ["class_name"]);
  const column = rows[0]!.new_labels === undefined ? "labels" : "new_labels";
  for (const [index, row] of rows.entries()) {
    const where = `${path}, row ${index + 1}: "${column}"`;
    const label = wholeNumberCell(row[column] ?? "", where, "Its columns are labels,class_name.");
    const name = row.class_name!.normalize("NFC");
    const before = names.get(label);
    if (before !== undefined && before !== name)
      throw new UserError(`${path} calls class ${label} "${before}" and "${name}".`, "Keep one of the rows.");
    names.set(label, name);
  }
  return names;
}
