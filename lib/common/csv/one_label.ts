// Refuses tables in which one image has two labels.
import { posix } from "node:path";
import { UserError } from "../errors";

/** The images seen so far in a table, each with its label: an image has one class. */
export class SeenImages {
  readonly #path: string;
  readonly #seen = new Map<string, { label: string; row: number }>();

  /** @param path the table's path, for messages */
  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Adds a row. Spellings of one path (`a/./1.jpg`, other forms of Unicode) are one image.
   * @param row from 1
   * @returns the earlier row with this image and label; undefined the first time
   * @throws UserError if the image had another label
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

/** Makes the error for an image that has two labels in a table. */
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
