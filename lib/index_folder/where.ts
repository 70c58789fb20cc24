// Filters of rows: class=apple, label=3, folder=fruit/2024, or any column of the images' table.
import { nearestName, UserError } from "../common/errors";
import { grouped } from "../common/grouped";
import type { Texts } from "../common/texts";
import type { FeatureRows } from "../features/rows_csv";

/** A condition on a column. */
export interface Condition {
  column: string;
  /** True for rows whose value is another one. */
  isNot: boolean;
  value: string;
}

/** Rows that can be filtered. */
export interface FilteredRows extends Omit<FeatureRows, "classNames"> {
  classNames: ReadonlyMap<number, string>;
}

/** The form of a condition, for help texts and messages. */
export const CONDITION_FORM = "COLUMN=VALUE or COLUMN!=VALUE";

/**
 * Parses a condition.
 * @throws UserError for another form
 * @example
 * parseCondition("class=apple") // { column: "class", isNot: false, value: "apple" }
 */
export function parseCondition(text: string): Condition {
  const { column, not, value } = /^(?<column>[^=!]+)(?<not>!?)=(?<value>.*)$/s.exec(text)?.groups ?? {};
  if (column !== undefined && value !== undefined)
    return { column: column.trim(), isNot: not === "!", value: value.normalize("NFC") };
  throw new UserError(`Expected ${CONDITION_FORM}, got ${JSON.stringify(text)}.`, "For example class=apple.");
}

/** Returns a condition as it is typed. */
export function conditionText({ column, isNot, value }: Condition): string {
  return `${column}${isNot ? "!=" : "="}${value}`;
}

/**
 * Returns the columns of rows by which they can be filtered: `class` (a name), `label`, `fold`, `file`, `folder` (of the
 * file or above it: that of a data set), and the further columns of their table.
 */
export function filterColumns({ labels, folds, columns = new Map() }: FilteredRows): string[] {
  const own = [...(labels ? ["class", "label"] : []), ...(folds ? ["fold"] : []), "file", "folder"];
  return [...own, ...[...columns.keys()].filter((name) => !own.includes(name))];
}

/**
 * Returns the rows that meet conditions, ascending. Of several conditions on one column with "=", one must hold; of
 * those on different columns, and of those with "!=", all.
 * @throws UserError for a column that there is not, with the known ones
 */
export function matchingRows(rows: FilteredRows, conditions: readonly Condition[]): Int32Array {
  const tests = testsOf(rows, conditions);
  const all = Int32Array.from({ length: rows.files.length }, (_, row) => row);
  return all.filter((row) => tests.every((test) => test(row)));
}

type RowTest = (row: number) => boolean;

function testsOf(rows: FilteredRows, conditions: readonly Condition[]): RowTest[] {
  const anyOf = grouped(
    conditions.filter(({ isNot }) => !isNot),
    ({ column }) => column,
  );
  const allowed = Array.from(anyOf, ([column, list]) => {
    const tests = list.map(({ value }) => testOf(rows, column, value));
    return (row: number) => tests.some((test) => test(row));
  });
  const excluded = conditions
    .filter(({ isNot }) => isNot)
    .map(({ column, value }) => {
      const test = testOf(rows, column, value);
      return (row: number) => !test(row);
    });
  return [...allowed, ...excluded];
}

function testOf(rows: FilteredRows, column: string, value: string): RowTest {
  const known = filterColumns(rows);
  if (!known.includes(column)) {
    const near = nearestName(column, known);
    throw new UserError(
      `There is no column "${column}" to filter by; there are: ${known.join(", ")}.`,
      near ? `Did you mean "${near}"?` : `A filter is ${CONDITION_FORM}.`,
    );
  }
  const { files, labels, folds, classNames, columns } = rows;
  switch (column) {
    case "class":
      return (row) => (classNames.get(labels![row]!) ?? `class ${labels![row]}`) === value;
    case "label":
      return (row) => String(labels![row]) === value;
    case "fold":
      return (row) => String(folds![row]) === value;
    case "file":
      return (row) => files.at(row) === value;
    case "folder":
      return below(files, value.replace(/\/+$/, ""));
    default:
      return textTest(columns!.get(column)!, value);
  }
}

function below(files: Texts, folder: string): RowTest {
  return (row) => files.at(row)!.startsWith(`${folder}/`);
}

function textTest(column: Texts, value: string): RowTest {
  return (row) => column.at(row)!.normalize("NFC") === value;
}
