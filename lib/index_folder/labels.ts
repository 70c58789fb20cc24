// Joins the classes of new images with those of an index: classes of one name are one class.
import { NO_CLASS } from "../features/image_list";
import type { FeatureRows } from "../features/rows_csv";

/** The classes of new rows, by the numbers of the index. */
export interface JoinedLabels {
  /** The class of each new row; undefined if neither the index nor the new rows have classes. */
  labels?: number[];
  /** All names of the index by number: those from before, and new ones. */
  names: Map<number, string>;
  /** The class of the rows from before, if they had none and the new rows have. */
  noClass?: number;
}

/**
 * Joins classes. A name keeps its number; a new name gets the next one. Numbers without names are taken as they are.
 * Images without a class get the class "(no class)" next to others that have one.
 * @param before the classes of the index's rows
 * @param named the names of the index's classes
 */
export function joinLabels(
  before: ArrayLike<number> | undefined,
  named: ReadonlyMap<number, string>,
  { files, labels, classNames }: FeatureRows,
): JoinedLabels {
  const names = new Map(named);
  if (!before && !labels) return { names };
  const taken = [
    ...Array.from(before ?? []),
    ...names.keys(),
    ...(classNames ? [] : Array.from(labels ?? [])),
  ];
  let next = 1 + taken.reduce((most, label) => Math.max(most, label), -1);
  const numbers = new Map(Array.from(names, ([label, name]) => [name, label]));
  const numberOf = (name: string) => {
    const label = numbers.get(name) ?? next++;
    numbers.set(name, label);
    names.set(label, name);
    return label;
  };
  const noClass = before ? {} : { noClass: numberOf(NO_CLASS) };
  const label = (row: number) => {
    if (!labels) return numberOf(NO_CLASS);
    return classNames ? numberOf(classNames[labels[row]!]!) : labels[row]!;
  };
  return { labels: Array.from({ length: files.length }, (_, row) => label(row)), names, ...noClass };
}
