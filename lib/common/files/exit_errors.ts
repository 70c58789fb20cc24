// The end of a process that an error has stopped: its message and its exit code.
import { messageOf, UserError } from "../errors";
import { Interrupted } from "../interrupt";
import { inWords } from "./errno";
import { keepTrace, traceOf } from "./error_log";

/** The last message of a process and its exit code. */
export interface Ending {
  message: string;
  exitCode: number;
}

/** The exit code after Ctrl-C: 128 + SIGINT. */
export const INTERRUPTED_CODE = 130;

/** The exit code of an error that may pass: EX_TEMPFAIL of sysexits.h. Job scripts start the command again. */
const MAY_PASS_CODE = 75;

/**
 * Turns any error into a message: a UserError's own, a file system's error in words, or for an unexpected error one
 * line that names the file with its trace. GUIE_DEBUG=1 adds the trace.
 * @param where the command that failed
 */
export function endingOf(where: string, thrown: unknown): Ending {
  if (thrown instanceof Interrupted) return { message: thrown.message, exitCode: INTERRUPTED_CODE };
  const error = inWords(thrown);
  const message = error instanceof UserError ? error.message : unexpected(where, error);
  const exitCode = error instanceof UserError && error.mayPass ? MAY_PASS_CODE : 1;
  return { message: isDebugging() ? `${message}\n${traceOf(error)}` : message, exitCode };
}

function isDebugging(): boolean {
  return Boolean(process.env.GUIE_DEBUG) && process.env.GUIE_DEBUG !== "0";
}

/** Returns one line: the thrown error and where its trace is. */
function unexpected(where: string, error: unknown): string {
  const log = keepTrace(where, error);
  const place = log ? `Its trace is in ${log}` : "GUIE_DEBUG=1 shows its trace";
  const [words] = messageOf(error).split("\n") as [string];
  const kind = error instanceof Error && error.name !== "Error" ? `${error.name}: ` : "";
  return `unexpected error: ${kind}${words.replace(/[.\s]*$/, "")}. ${place}`;
}
