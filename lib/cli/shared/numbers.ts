// Parsing of flags' numbers, and of lists: values with commas between them.
import { UserError } from "../../common/errors";

/** Parses a flag's number. @throws UserError if it is not a number */
export function numberOf(flag: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  const example = flag.startsWith("--set") ? `${flag}=1` : `${flag} 1`;
  throw new UserError(`${flag} takes a number, got "${text}".`, `For example: ${example}`);
}

/** Parses a flag's whole number. @throws UserError if it is not one, or less than `least` */
export function wholeNumberOf(flag: string, text: string, least?: number): number {
  const value = numberOf(flag, text);
  if (Number.isSafeInteger(value) && value >= (least ?? value)) return value;
  const wanted = least === undefined ? "a whole number" : `a whole number from ${least}`;
  throw new UserError(`${flag} takes ${wanted}, got "${text}".`, `For example: ${flag} ${least ?? 1}`);
}

/** Returns the share, between 0 and 1, that an option's text stands for. @throws UserError for anything else */
export function shareOf(option: string, text: string): number {
  const share = Number(text);
  if (text.trim() !== "" && share > 0 && share < 1) return share;
  throw new UserError(
    `${option} takes a share between 0 and 1, got "${text}".`,
    `For example ${option} 0.33`,
  );
}

/** Parses a list of numbers: "0,0.5,1". @throws UserError for a word that is not a number */
export function numbersOf(flag: string, list: string): number[] {
  return wordsOf(list).map((word) => numberOf(flag, word));
}

/** Parses a list of whole numbers: "1,2,3". @throws UserError for a word that is not one, or less than `least` */
export function wholeNumbersOf(flag: string, list: string, least?: number): number[] {
  return wordsOf(list).map((word) => wholeNumberOf(flag, word, least));
}

/** Returns those of `values` that a list names, in the list's order. @throws UserError for a word that names none */
export function valuesOf<T extends string | number>(flag: string, list: string, values: readonly T[]): T[] {
  return wordsOf(list).map((word) => {
    const found = values.find((value) => String(value) === word);
    if (found !== undefined) return found;
    throw new UserError(`${flag}: there is no "${word}".`, `There are: ${values.join(", ")}.`);
  });
}

/** Returns the words of a list, without spaces at their ends; none of an empty text. */
export function wordsOf(list: string): string[] {
  return list === "" ? [] : list.split(",").map((word) => word.trim());
}
