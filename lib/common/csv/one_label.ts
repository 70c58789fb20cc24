// Refuses tables that give one image two labels.
import { posix } from "node:path";
import { UserError } from "../errors";

/** The images of a table that have been seen, each with its label: an image has one class. */
export class SeenImages {
  readonly #path: string;
  readonly #seen = new Map<string, { label: string; row: number }>();

  /** @param path the table's, for messages */
  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Takes in a row. Spellings of one path (`a/./1.jpg`, other forms of Unicode) are one image.
   * @param row from 1
   * @returns the row in which the image stood before, with the same label; undefined the first time
   * @throws UserError where it stood under another label
   */
  add(file: string, label: string | number, row: number): number | undefined {
    const key = posix.normalize(file).normalize("NFC");
    const before = this.#seen.get(key);
    if (!before) {
      this.#seen.set(key, { label: String(label), row });
      return undefined;
    }
    if (before.label === String(label)) return before.row;
    throw twoLabels(this.#path, file, [before.row, row], [before.label, String(label)]);
  }
}

/** What is said of an image that stands in a table under two labels. */
export function twoLabels(
  path: string,
  file: string,
  rows: readonly [number, number],
  labels: readonly [string | number, string | number],
): UserError {
  return new UserError(
    `${path}: "${file}" has the label ${labels[0]} in row ${rows[0]} and ${labels[1]} in row ${rows[1]}: an image has one class.`,
    "Keep one of the rows.",
  );
}
