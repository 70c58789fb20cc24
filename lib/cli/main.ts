// Starts the command line: parses the arguments and runs the command.
import { CommanderError } from "commander";
import { makeProgram } from "./program";
import { fail } from "./shared/exit_guard";

makeProgram()
  .parseAsync()
  .catch((error) => {
    // Commander has printed the error itself
    if (error instanceof CommanderError) process.exitCode ||= error.exitCode;
    else fail(error);
  });
