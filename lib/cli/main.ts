// The command line as two steps: its modules are loaded, then the command runs.
import { type Command, CommanderError } from "commander";
import { makeProgram } from "./program";
import { fail } from "./shared/exit_guard";

/** Loads what this process's arguments ask for. @throws Error of a module that cannot be loaded */
export function load(): Promise<Command> {
  return makeProgram(process.argv.slice(2));
}

/** Runs the command of this process's arguments; an error is printed, and sets the exit code. */
export async function run(program: Command): Promise<void> {
  try {
    await program.parseAsync();
  } catch (error) {
    // Commander has printed the error itself
    if (error instanceof CommanderError) process.exitCode ||= error.exitCode;
    else fail(error);
  }
}
