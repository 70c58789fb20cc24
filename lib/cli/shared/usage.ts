// Words and options that a command has no use for are refused: nothing that was typed is ignored.
import type { Command, Option } from "commander";
import { UserError } from "../../common/errors";
import { takeRenamed } from "./renamed";

/**
 * Which options go with what. A condition is an option ("--compare"), an option with a value ("--format safetensors"),
 * or a word as the help calls it ("[source]").
 */
export interface Use {
  /** The options, by their long flags. */
  of: readonly string[];
  /** They have a use only where one of these is given. */
  needs?: readonly string[];
  /** They have none where this is given. */
  without?: string;
  /** What to do in place of it; else they are to be left out. */
  next?: string;
}

/** How often each option was given: the last one alone would count. Called once all options are known. */
export function countOptions(command: Command): Map<Option, number> {
  const counts = new Map<Option, number>();
  for (const option of command.options)
    command.on(`option:${option.name()}`, () => counts.set(option, (counts.get(option) ?? 0) + 1));
  return counts;
}

/** @throws UserError for an option or a word that is given twice, empty, or without what it goes with */
export function refuseUseless(
  command: Command,
  counts: ReadonlyMap<Option, number>,
  uses: readonly Use[],
): void {
  for (const [option, count] of counts) {
    if (count > 1 && !option.variadic && !option.parseArg)
      throw new UserError(
        `${option.long} is given ${count} times: only the last would count.`,
        "Give it once.",
      );
    refuseEmpty(option.long!, command.getOptionValue(option.attributeName()));
  }
  for (const word of command.args) refuseEmpty("A word", word);
  takeRenamed(command);
  for (const use of uses) refuseUnused(command, use);
}

/** A list may be empty: no GPU is named, no class is held out. */
const MAY_BE_EMPTY = ["--gpus"];

function refuseEmpty(what: string, value: unknown): void {
  const isEmpty = value === "" || (Array.isArray(value) && value.includes(""));
  if (!isEmpty || MAY_BE_EMPTY.includes(what)) return;
  throw new UserError(
    `${what} is empty.`,
    "Is a variable of the shell not set? Give a value, or leave it out.",
  );
}

function refuseUnused(command: Command, { of, needs, without, next }: Use): void {
  const given = givenOf(command, of);
  if (given === "") return;
  if (without && isGiven(command, without))
    throw new UserError(`${given}: of no use with ${without}.`, next ?? "Leave it out.");
  if (!needs || needs.some((condition) => isGiven(command, condition))) return;
  throw new UserError(
    `${given}: of no use without ${needs.join(" or ")}.`,
    next ?? `Leave it out, or add ${needs[0]}.`,
  );
}

/** Those of some flags that were given: "--tower, --weights"; "" where none was. */
export function givenOf(command: Command, flags: readonly string[]): string {
  return flags.filter((flag) => isGiven(command, flag)).join(", ");
}

function isGiven(command: Command, condition: string): boolean {
  const place = command.registeredArguments.findIndex((argument) => `[${argument.name()}]` === condition);
  if (place >= 0) return command.args.length > place;
  const [flag, value] = condition.split(" ");
  const option = command.options.find(({ long }) => long === flag);
  if (!option) throw new Error(`${command.name()} has neither an option nor a word ${condition}`);
  const name = option.attributeName();
  if (value !== undefined) return command.getOptionValue(name) === value;
  return command.getOptionValueSource(name) === "cli";
}
