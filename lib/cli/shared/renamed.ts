// Old names of commands and flags: they do what they did, and say the new name once.
import { type Command, Option } from "commander";
import { UserError } from "../../common/errors";
import { noticeOnce } from "../../common/notice";

/** Where the value of a renamed option goes: to another option, to the command's words, or nowhere but its own name. */
type Destination = { option: `--${string}` } | "words" | "itself";

interface RenamedOption {
  option: Option;
  /** What is typed today: "--model", "guie compare". */
  now: string;
  to: Destination;
}

const RENAMED = new WeakMap<Command, RenamedOption[]>();

/**
 * Adds an old name of an option, which the help does not show.
 * @param flags as commander takes them: "--run <name>"
 * @param now what is typed today
 */
export function addRenamed(command: Command, flags: string, now: string, to: Destination): void {
  const option = new Option(flags).hideHelp();
  command.addOption(option);
  RENAMED.set(command, [...(RENAMED.get(command) ?? []), { option, now, to }]);
}

/**
 * Says the new name of every old one that was given, and moves its value there.
 * @throws UserError where a value stands under both names
 */
export function takeRenamed(command: Command): void {
  for (const { option, now, to } of RENAMED.get(command) ?? []) {
    const value: unknown = command.getOptionValue(option.attributeName());
    if (value === undefined) continue;
    sayRenamed(`guie ${command.name()} ${option.long}`, now);
    if (to === "words") addWords(command, option, [value].flat().map(String));
    else if (to !== "itself") moveTo(command, option, to.option, value);
  }
}

/** Says that what was typed has another name by now: once, on standard error. */
export function sayRenamed(old: string, now: string): void {
  noticeOnce(`${old} is now ${now}.`);
}

function addWords(command: Command, old: Option, words: readonly string[]): void {
  const [last] = command.registeredArguments.slice(-1);
  command.args.push(...words);
  if (last?.variadic || command.args.length <= command.registeredArguments.length) return;
  throw new UserError(
    `${old.long} is an old name of the word ${last?.name()}, which is given, too.`,
    "Give the word alone.",
  );
}

function moveTo(command: Command, old: Option, now: string, value: unknown): void {
  const name = new Option(now).attributeName();
  if (command.getOptionValueSource(name) === "cli")
    throw new UserError(`${old.long} and ${now} are two names of one option.`, `Give ${now} alone.`);
  command.setOptionValueWithSource(name, value, "cli");
}
