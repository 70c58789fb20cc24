import { existsSync } from "node:fs";
import { readCsv } from "../common/csv";
import { projectPath } from "../common/project";

/** Names of classes by label, from a CSV with the columns `labels` (or `new_labels`) and `class_name`; empty without it. */
export async function readClassNames(csv: string): Promise<Map<number, string>> {
  const path = projectPath(csv);
  if (!existsSync(path)) return new Map();
  const rows = await readCsv(path, ["class_name"]);
  return new Map(rows.map((row) => [Number(row.new_labels ?? row.labels), row.class_name!]));
}
