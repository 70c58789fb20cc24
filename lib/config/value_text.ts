// Values of settings as text.
import { createHash } from "node:crypto";

const HASH_LETTERS = 8;

/** Formats a setting's value: text as it is, a list as JSON. */
export function valueText(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** Formats a setting's value for a sentence: "none" for no text and an empty list. */
export function shownText(value: unknown): string {
  return String(value) === "" ? "none" : valueText(value);
}

/** A list of objects, such as the rows of an augmentation. */
type Rows = readonly Readonly<Record<string, unknown>>[];

/** Returns whether a value is a list of objects. */
export function isOfRows(value: unknown): value is Rows {
  return Array.isArray(value) && typeof value[0] === "object";
}

/** Returns a name of rows for a run's name: "HorizontalFlip-ToGray-9c1f03ab", with a hash of their numbers. */
export function rowsName(rows: Rows): string {
  return `${rows.map(({ name }) => name).join("-")}-${hashOf(valueText(rows))}`;
}

/** Returns the first 8 digits of a text's SHA-256. */
export function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, HASH_LETTERS);
}
