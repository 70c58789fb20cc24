// Runs a command's action: prints its result for people or as JSON, and sets the exit code.
import type { Command } from "commander";
import { clearProgress, fail } from "./exit_guard";
import { countOptions, refuseUseless, type Use } from "./usage";

/** What a command returns: printed as JSON under `--json`, else as `text`. */
export interface CommandResult {
  /** For people. */
  text: string;
  /** For scripts. */
  summary: Record<string, unknown>;
  /** 0 unless told: the result is printed, and yet not all went well. */
  exitCode?: number;
  /** What could not be done, beside what is told above: on standard error, and the exit code is 1. */
  failure?: string | undefined;
}

/**
 * Gives `command` its action: refuses options without a use, prints the result (or, with --json, its summary as one line
 * of JSON on standard output), and turns any error into a message and an exit code.
 * @param uses which options go with which others
 */
export function runs<Options extends object>(
  command: Command,
  action: (options: Options, operands: readonly string[]) => Promise<CommandResult>,
  uses: readonly Use[] = [],
): Command {
  command.option("--json", "end with a JSON summary on standard output");
  const counts = countOptions(command);
  return command.action(async () => {
    const options = command.opts<Options & { json?: boolean }>();
    try {
      refuseUseless(command, counts, uses);
      const { text, summary, failure, ...result } = await action(options, command.args);
      process.exitCode = result.exitCode ?? (failure === undefined ? 0 : 1);
      clearProgress();
      process.stdout.write(options.json ? `${JSON.stringify(summary)}\n` : `${text}\n`);
      if (failure !== undefined) process.stderr.write(`guie ${command.name()}: ${failure}\n`);
    } catch (error) {
      fail(error);
    }
  });
}
