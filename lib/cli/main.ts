import { CommanderError } from "commander";
import { fail } from "./guard";
import { makeProgram } from "./program";

makeProgram()
  .parseAsync()
  .catch((error) => {
    // It has said itself what is wrong
    if (error instanceof CommanderError) process.exitCode ||= error.exitCode;
    else fail(error);
  });
