// Cells that a spreadsheet would run. Names of files and folders come from strangers: `=cmd|' /C calc'!A0` is one.

/** Where a formula could begin: at the head of a cell, or behind what some countries' spreadsheets split a line by. */
const FORMULA = /(?<=^|[;\t])(?='*[=+\-@\t\r＝＋－＠])/g;
const QUOTED_FORMULA = /(?<=^|[;\t])'(?='*[=+\-@\t\r＝＋－＠])/g;

/** The text with an apostrophe before every formula: a spreadsheet then shows it as text. */
export function forSpreadsheet(text: string): string {
  return text.replace(FORMULA, "'");
}

/** The text that `forSpreadsheet` was given. */
export function fromSpreadsheet(text: string): string {
  return text.includes("'") ? text.replace(QUOTED_FORMULA, "") : text;
}

/** A path that is no formula, and still names the same file: `./=1.jpg`. */
export function pathForSpreadsheet(file: string): string {
  return /^'*[=+\-@\t\r＝＋－＠]/.test(file) ? `./${file}` : file;
}

/** The path that `pathForSpreadsheet` was given. */
export function pathFromSpreadsheet(file: string): string {
  return /^\.\/'*[=+\-@\t\r＝＋－＠]/.test(file) ? file.slice(2) : file;
}
