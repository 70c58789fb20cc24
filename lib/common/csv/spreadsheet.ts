// Protects cells that a spreadsheet would run as formulas: names of files come from strangers (`=cmd|' /C calc'!A0`).

/** A formula's beginning: at the start of a cell, or after a separator that spreadsheets of some countries use. */
const FORMULA = /(?<=^|[;\t])(?='*[=+\-@\t\r＝＋－＠])/g;
const QUOTED_FORMULA = /(?<=^|[;\t])'(?='*[=+\-@\t\r＝＋－＠])/g;

/** Puts an apostrophe before every formula, so that a spreadsheet shows it as text. */
export function forSpreadsheet(text: string): string {
  return text.replace(FORMULA, "'");
}

/** Restores the argument of `forSpreadsheet`. */
export function fromSpreadsheet(text: string): string {
  return text.includes("'") ? text.replace(QUOTED_FORMULA, "") : text;
}

/** Turns a path that looks like a formula into another path of the same file: `./=1.jpg`. */
export function pathForSpreadsheet(file: string): string {
  return /^'*[=+\-@\t\r＝＋－＠]/.test(file) ? `./${file}` : file;
}

/** Restores the argument of `pathForSpreadsheet`. */
export function pathFromSpreadsheet(file: string): string {
  return /^\.\/'*[=+\-@\t\r＝＋－＠]/.test(file) ? file.slice(2) : file;
}
