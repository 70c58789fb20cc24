// A readable pattern of file names, such as `{class}_{n}.jpg`, as a regular expression.
import { UserError } from "../../common/errors";
import { sameName } from "../../common/files/unicode_names";
import { type Split, splitOf } from "./splits";

/** Class and split that a file's name gives. */
export interface NamedClass {
  className: string;
  split: Split;
}

/** Regular expressions of the placeholders, in a name without slashes. */
const PLACEHOLDERS: Readonly<Record<string, string>> = {
  class: "(?<class>.+?)",
  split: "(?<split>.+?)",
  n: "[0-9]+",
  any: ".*?",
};

/** The most placeholders between two slashes: with four of them, a hostile file name takes seconds to match. */
const MOST_PLACEHOLDERS = 3;
const NEXT = "For example: {class}_{n}.jpg, {split}/{class}-{any}.png; {any} stands for any text.";

/**
 * Returns a function that reads the class of a file by a pattern: of its path if the pattern has a slash, else of its
 * name. Upper and lower case of the ending are one; a pattern without an ending takes every ending.
 * @throws UserError for a pattern without {class}, or with unknown, repeated or adjacent placeholders
 */
export function classByPattern(pattern: string): (file: string) => NamedClass | undefined {
  const wanted = sameName(pattern);
  check(wanted);
  const parts = wanted.split("/");
  const expressions = parts.map((part, i) => expressionOf(part, i === parts.length - 1));
  return (file) => {
    const names = sameName(file).split("/");
    const last = expressions.length === 1 ? names.slice(-1) : names;
    if (last.length !== expressions.length) return undefined;
    const groups: { class?: string; split?: string } = {};
    for (const [i, expression] of expressions.entries()) {
      const match = expression.exec(last[i]!);
      if (match === null) return undefined;
      Object.assign(groups, match.groups);
    }
    const split = groups.split === undefined ? "" : splitOf(groups.split);
    return split === undefined ? undefined : { className: groups.class!, split };
  };
}

/** Returns the expression of a file's or folder's name. @param isFile true for the last part, which has an ending */
function expressionOf(part: string, isFile: boolean): RegExp {
  const ending = (isFile && /\.[a-z0-9]+$/i.exec(part)?.[0]) || "";
  const pieces = part.slice(0, part.length - ending.length).split(/\{([^{}]*)\}/); // text and placeholders take turns
  const body = pieces.map((piece, i) => (i % 2 === 1 ? PLACEHOLDERS[piece]! : escaped(piece)));
  const end = ending !== "" ? anyCase(ending) : isFile ? "\\.[^.]+" : "";
  return new RegExp(`^${body.join("")}${end}$`, "su");
}

function check(pattern: string): void {
  const namesIn = (text: string) => Array.from(text.matchAll(/\{([^{}]*)\}/g), ([, name]) => name!);
  const names = namesIn(pattern);
  const refuse = (fault: string) => {
    throw new UserError(`The pattern ${JSON.stringify(pattern)} ${fault}.`, NEXT);
  };
  const known = Object.keys(PLACEHOLDERS).map((name) => `{${name}}`);
  const unknown = names.find((name) => !(name in PLACEHOLDERS));
  if (unknown !== undefined) refuse(`has {${unknown}}; there are: ${known.join(" ")}`);
  const classes = names.filter((name) => name === "class").length;
  if (classes !== 1) refuse(`must have {class} once, it has it ${classes} times`);
  if (names.filter((name) => name === "split").length > 1) refuse("has {split} twice");
  if (pattern.split("/").some((part) => namesIn(part).length > MOST_PLACEHOLDERS))
    refuse(`has more than ${MOST_PLACEHOLDERS} placeholders in one name`);
  if (/\{(class|split|any)\}\{(class|split|any)\}|\{n\}\{n\}/.test(pattern))
    refuse("has two placeholders side by side: nothing says where one ends");
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

function anyCase(ending: string): string {
  const letters = [...ending.slice(1)].map((letter) => `[${letter.toLowerCase()}${letter.toUpperCase()}]`);
  return `\\.${letters.join("")}`;
}
