// The command line that was typed, from a command's options: for reports that say how they were made.
import type { Command, Option } from "commander";
import { shellQuoted } from "../../common/shell";

/**
 * Returns "npx guie tune --seeds 1,2" for the options that were typed, in the order of the help; words of a shell are
 * quoted. Options that change only what is printed or when it ends are left out.
 * @param without long flags to leave out
 */
export function commandLine(command: Command, without: readonly string[] = []): string {
  const given = command.options.filter(
    (option) =>
      command.getOptionValueSource(option.attributeName()) === "cli" && !without.includes(option.long!),
  );
  return ["npx guie", command.name(), ...given.map((option) => typed(command, option))].join(" ");
}

function typed(command: Command, option: Option): string {
  const value = command.getOptionValue(option.attributeName()) as unknown;
  const words = (Array.isArray(value) ? value : [value]).map((word) => shellQuoted(String(word)));
  if (value === true) return option.long!;
  if (option.variadic) return [option.long, ...words].join(" ");
  return words.map((word) => `${option.long} ${word}`).join(" ");
}
