// The action of a command: prints its result as text or JSON, and sets the exit code.
import type { Command } from "commander";
import { clearProgress, commandName, fail } from "./exit_guard";
import { countOptions, refuseUseless, type Use } from "./usage";

/** A command's result: `summary` is printed with `--json`, else `text`. */
export interface CommandResult {
  /** The result for people. */
  text: string;
  /** The result for scripts. */
  summary: Record<string, unknown>;
  /** Exit code (default: 0); the result is printed in any case. */
  exitCode?: number;
  /** Work that failed while the rest succeeded: printed on standard error, with exit code 1. */
  failure?: string | undefined;
}

/**
 * Sets the action of `command`: refuses options without effect, prints the result (with --json its summary as one line
 * of JSON on standard output), and turns any error into a message and an exit code.
 * @param uses rules for options that depend on others
 */
export function setAction<Options extends object>(
  command: Command,
  action: (options: Options, operands: readonly string[]) => Promise<CommandResult>,
  uses: readonly Use[] = [],
): Command {
  command.option("--json", "print the result as one line of JSON");
  const counts = countOptions(command);
  return command.action(async () => {
    const options = command.opts<Options & { json?: boolean }>();
    try {
      refuseUseless(command, counts, uses);
      const { text, summary, failure, ...result } = await action(options, command.args);
      process.exitCode = result.exitCode ?? (failure === undefined ? 0 : 1);
      clearProgress();
      process.stdout.write(options.json ? `${JSON.stringify(summary)}\n` : `${text}\n`);
      if (failure !== undefined) process.stderr.write(`${commandName()}: ${failure}\n`);
    } catch (error) {
      fail(error);
    }
  });
}
