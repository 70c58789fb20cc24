// Refusal of words and options that have no effect: nothing that was typed is ignored.
import type { Command, Option } from "commander";
import { UserError } from "../../common/errors";
import { applyRenamed } from "./renamed";

/**
 * A rule for options that depend on others. A condition is an option ("--compare"), an option with a value ("--format
 * safetensors"), or a word as the help calls it ("[source]").
 */
export interface Use {
  /** Options that the rule is for, by their long flags. */
  options: readonly string[];
  /** Conditions, one of which must hold. */
  needs?: readonly string[];
  /** Condition that must not hold. */
  without?: string;
  /** Next step of the error (default: leave the options out). */
  next?: string;
}

/** Counts how often each option is given, since only the last one would count. Called once all options are added. */
export function countOptions(command: Command): Map<Option, number> {
  const counts = new Map<Option, number>();
  for (const option of command.options)
    command.on(`option:${option.name()}`, () => counts.set(option, (counts.get(option) ?? 0) + 1));
  return counts;
}

/** Checks what was typed. @throws UserError if an option is given twice, or an option or word is empty or has no effect */
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
  applyRenamed(command);
  for (const use of uses) refuseUnused(command, use);
}

/** Options whose list may be empty: no GPU. */
const MAY_BE_EMPTY = ["--gpus"];

function refuseEmpty(what: string, value: unknown): void {
  const isEmpty = value === "" || (Array.isArray(value) && value.includes(""));
  if (!isEmpty || MAY_BE_EMPTY.includes(what)) return;
  throw new UserError(
    `${what} is empty.`,
    "Is a variable of the shell not set? Give a value, or leave it out.",
  );
}

function refuseUnused(command: Command, { options, needs, without, next }: Use): void {
  const given = givenOf(command, options);
  if (given === "") return;
  if (without && isGiven(command, without))
    throw new UserError(`${given}: of no use with ${without}.`, next ?? "Leave it out.");
  if (!needs || needs.some((condition) => isGiven(command, condition))) return;
  throw new UserError(
    `${given}: of no use without ${needs.join(" or ")}.`,
    next ?? `Leave it out, or add ${needs[0]}.`,
  );
}

/** Returns which of some flags were given: "--tower, --weights"; "" if none. */
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
