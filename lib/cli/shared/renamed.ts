// Old names of commands and flags: they still work, and print the new name once.
import { type Command, Option } from "commander";
import { UserError } from "../../common/errors";
import { noticeOnce } from "../../common/notice";

/** Destination of a renamed option's value: another option, the command's words, or itself (unchanged). */
type Destination = { option: `--${string}` } | "words" | "itself";

interface RenamedOption {
  option: Option;
  /** The new name: "--model", "guie compare". */
  now: string;
  to: Destination;
}

const RENAMED = new WeakMap<Command, RenamedOption[]>();

/**
 * Adds an option's old name, hidden from the help.
 * @param flags as commander takes them: "--run <name>"
 * @param now the new name, for the notice
 */
export function addRenamed(command: Command, flags: string, now: string, to: Destination): void {
  const option = new Option(flags).hideHelp();
  command.addOption(option);
  RENAMED.set(command, [...(RENAMED.get(command) ?? []), { option, now, to }]);
}

/**
 * Prints the new name of every old one that was given, and moves its value there.
 * @throws UserError if a value is given under both names
 */
export function applyRenamed(command: Command): void {
  for (const { option, now, to } of RENAMED.get(command) ?? []) {
    const value: unknown = command.getOptionValue(option.attributeName());
    if (value === undefined) continue;
    noticeRenamed(`guie ${command.name()} ${option.long}`, now);
    if (to === "words") addWords(command, option, [value].flat().map(String));
    else if (to !== "itself") moveTo(command, option, to.option, value);
  }
}

/** Prints once, on standard error, that a command or flag has a new name. */
export function noticeRenamed(old: string, now: string): void {
  noticeOnce(`${old} is now ${now}${now.endsWith(".") ? "" : "."}`);
}

function addWords(command: Command, old: Option, words: readonly string[]): void {
  const [last] = command.registeredArguments.slice(-1);
  command.args.push(...words);
  if (last?.variadic || command.args.length <= command.registeredArguments.length) return;
  throw new UserError(
    `${old.long} is an old name of the word ${last?.name()}, which is also given.`,
    "Give only the word.",
  );
}

function moveTo(command: Command, old: Option, now: string, value: unknown): void {
  const name = new Option(now).attributeName();
  if (command.getOptionValueSource(name) === "cli")
    throw new UserError(`${old.long} and ${now} are two names of one option.`, `Give only ${now}.`);
  command.setOptionValueWithSource(name, value, "cli");
}
