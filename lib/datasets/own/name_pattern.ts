// A readable pattern of file names, such as `{class}_{n}.jpg`, as a regular expression.
import { UserError } from "../../common/errors";
import { sameName } from "../../common/files/unicode_names";
import { type Split, splitOf } from "./splits";

/** Class and split that a file's name gives. */
export interface NamedClass {
  className: string;
  split: Split;
}

/** Regular expressions of the placeholders; none matches a slash. */
const PLACEHOLDERS: Readonly<Record<string, string>> = {
  class: "(?<class>[^/]+?)",
  split: "(?<split>[^/]+?)",
  n: "[0-9]+",
  any: "[^/]*?",
};

/** More of them, and a hostile file name could take minutes to match. */
const MOST_PLACEHOLDERS = 6;
const NEXT = "For example: {class}_{n}.jpg, {split}/{class}-{any}.png; {any} stands for any text.";

/**
 * Returns a function that reads the class of a file by a pattern: of its path if the pattern has a slash, else of its
 * name. Upper and lower case of the ending are one; a pattern without an ending takes every ending.
 * @throws UserError for a pattern without {class}, or with unknown, repeated or adjacent placeholders
 */
export function classByPattern(pattern: string): (file: string) => NamedClass | undefined {
  const wanted = sameName(pattern);
  const expression = new RegExp(`^${translate(wanted)}$`, "su");
  const isPath = wanted.includes("/");
  return (file) => {
    const path = sameName(isPath ? file : file.slice(file.lastIndexOf("/") + 1));
    const groups = expression.exec(path)?.groups;
    if (groups === undefined) return undefined;
    const split = groups.split === undefined ? "" : splitOf(groups.split);
    return split === undefined ? undefined : { className: groups.class!, split };
  };
}

function translate(pattern: string): string {
  const pieces = pattern.split(/\{([^{}]*)\}/); // text and names of placeholders take turns
  const names = pieces.filter((_, i) => i % 2 === 1);
  check(pattern, names);
  const ending = /\.[a-z0-9]+$/i.exec(pieces.at(-1)!)?.[0] ?? "";
  const body = pieces.map((piece, i) => {
    if (i % 2 === 1) return PLACEHOLDERS[piece]!;
    const text = i === pieces.length - 1 ? piece.slice(0, piece.length - ending.length) : piece;
    return escaped(text);
  });
  return body.join("") + (ending === "" ? "\\.[^./]+" : anyCase(ending));
}

function check(pattern: string, names: readonly string[]): void {
  const refuse = (fault: string) => {
    throw new UserError(`The pattern ${JSON.stringify(pattern)} ${fault}.`, NEXT);
  };
  const known = Object.keys(PLACEHOLDERS).map((name) => `{${name}}`);
  const unknown = names.find((name) => !(name in PLACEHOLDERS));
  if (unknown !== undefined) refuse(`has {${unknown}}; there are: ${known.join(" ")}`);
  const classes = names.filter((name) => name === "class").length;
  if (classes !== 1) refuse(`must have {class} once, it has it ${classes} times`);
  if (names.filter((name) => name === "split").length > 1) refuse("has {split} twice");
  if (names.length > MOST_PLACEHOLDERS) refuse(`has more than ${MOST_PLACEHOLDERS} placeholders`);
  if (/\{(class|split|any)\}\{(class|split|any)\}/.test(pattern))
    refuse("has two texts side by side: nothing says where one ends");
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

function anyCase(ending: string): string {
  const letters = [...ending.slice(1)].map((letter) => `[${letter.toLowerCase()}${letter.toUpperCase()}]`);
  return `\\.${letters.join("")}`;
}
