// How a process ends that was stopped by an error: what it says, and its exit code.

import { messageOf, UserError } from "../errors";
import { Interrupted } from "../interrupt";
import { inWords } from "./errno";
import { keepTrace, traceOf } from "./error_log";

/** What a process says at its end, and its exit code. */
export interface Ending {
  message: string;
  exitCode: number;
}

/** A process that Ctrl-C ended: 128 + SIGINT. */
export const INTERRUPTED_CODE = 130;

/**
 * Puts any error into a message: that of a UserError, a file system's in words, and of an unexpected one a line that
 * names the file with its trace. GUIE_DEBUG=1 adds the trace.
 * @param where the command that failed
 */
export function endingOf(where: string, thrown: unknown): Ending {
  if (thrown instanceof Interrupted) return { message: thrown.message, exitCode: INTERRUPTED_CODE };
  const error = inWords(thrown);
  const message = error instanceof UserError ? error.message : unexpected(where, error);
  return { message: isDebugging() ? `${message}\n${traceOf(error)}` : message, exitCode: 1 };
}

function isDebugging(): boolean {
  return Boolean(process.env.GUIE_DEBUG) && process.env.GUIE_DEBUG !== "0";
}

/** One line: what was thrown, and where its trace is. */
function unexpected(where: string, error: unknown): string {
  const log = keepTrace(where, error);
  const place = log ? `Its trace is in ${log}` : "GUIE_DEBUG=1 shows its trace";
  const [words] = messageOf(error).split("\n") as [string];
  const kind = error instanceof Error && error.name !== "Error" ? `${error.name}: ` : "";
  return `unexpected error: ${kind}${words.replace(/[.\s]*$/, "")}. ${place}`;
}
