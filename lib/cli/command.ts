import type { Command } from "commander";
import { messageOf, UserError } from "../common/errors";
import { writeError } from "../common/files";

/** What a command returns: printed as JSON under `--json`, else as `text`. */
export interface CommandResult {
  /** For people. */
  text: string;
  /** For scripts. */
  summary: Record<string, unknown>;
  /** What could not be done, beside what is told above: on standard error, and the exit code is 1. */
  failure?: string | undefined;
}

/**
 * Gives `command` its action: prints the result (or, with --json, its summary as one line of JSON on standard
 * output), and turns a UserError, a full disk or a folder without permission into a message and exit code 1 without a
 * stack trace.
 */
export function runs<Options extends object>(
  command: Command,
  action: (options: Options, operands: readonly string[]) => Promise<CommandResult>,
): Command {
  command.option("--json", "end with a JSON summary on standard output");
  return command.action(async () => {
    const options = command.opts<Options & { json?: boolean }>();
    try {
      const { text, summary, failure } = await action(options, command.args);
      process.stdout.write(options.json ? `${JSON.stringify(summary)}\n` : `${text}\n`);
      if (failure === undefined) return;
      process.stderr.write(`guie ${command.name()}: ${failure}\n`);
      process.exitCode = 1;
    } catch (thrown) {
      const path = (thrown as NodeJS.ErrnoException | undefined)?.path ?? "A file";
      const error = writeError(path, thrown, "read or written");
      if (!(error instanceof UserError)) throw error;
      process.stderr.write(`guie ${command.name()}: ${messageOf(error)}\n`);
      process.exitCode = 1;
    }
  });
}
