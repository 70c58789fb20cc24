// The handling of Ctrl-C, closed or full outputs and unexpected errors, for the whole life of a command.

import { inWords } from "../../common/files/errno";
import { endingOf, INTERRUPTED_CODE } from "../../common/files/exit_errors";
import { Interrupted, requestInterrupt } from "../../common/interrupt";

type StopSignal = "SIGINT" | "SIGTERM";

/** Exit code of a command ended by SIGTERM: 128 + 15. */
const TERMINATED_CODE = 143;
/** A command that does not react to Ctrl-C within this time is ended: files are complete or absent at any moment. */
const GRACE_MS = 3000;
/** Ctrl-C within this time is the same press: npm repeats the terminal's signal. */
const SAME_PRESS_MS = 500;

const stop = new AbortController();
let stoppedBy: { signal: StopSignal; atMs: number } | undefined;
/** Work that the command finishes before it stops; undefined if it stops immediately. */
let finishing: string | undefined;
let command = "guie";

/** Installs the handlers. Called once, before the commands are loaded. */
export function guardProcess(): void {
  process.stdout.on("error", onOutputError);
  process.stderr.on("error", () => {}); // unreadable messages are no reason to lose the work
  process.on("uncaughtException", (error) => {
    fail(error);
    process.exit();
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => onStop(signal));
}

/** Sets the name of the running command, with which messages begin. */
export function setCommandName(name: string): void {
  command = `guie ${name}`;
}

/** Returns the running command: "guie train". */
export function commandName(): string {
  return command;
}

/** Prints why the command ends, and sets its exit code. */
export function fail(error: unknown): void {
  const { message, exitCode } = endingOf(command, error);
  printLine(`${command}: ${message}`);
  process.exitCode =
    stoppedBy?.signal === "SIGTERM" && exitCode === INTERRUPTED_CODE ? TERMINATED_CODE : exitCode;
}

/**
 * Lets a command finish its current work when it is asked to stop; a second Ctrl-C ends it at once.
 * @param what the work to finish: "the step under way"
 * @returns a signal that is aborted when the command shall stop, with an `Interrupted` as the reason
 */
export function finishBeforeStopping(what: string): AbortSignal {
  finishing = what;
  return stop.signal;
}

/** Returns the exit code of a command that stopped in good order: 130 after Ctrl-C, 0 if another process asked for it. */
export function stoppedCode(): number {
  return stoppedBy?.signal === "SIGINT" ? INTERRUPTED_CODE : 0;
}

function onStop(signal: StopSignal): void {
  const nowMs = performance.now();
  if (stoppedBy) {
    if (signal === "SIGINT" && nowMs - stoppedBy.atMs > SAME_PRESS_MS) endAtOnce();
    return;
  }
  stoppedBy = { signal, atMs: nowMs };
  if (finishing === undefined) {
    requestInterrupt();
    setTimeout(endAtOnce, GRACE_MS).unref();
  } else printLine(`${signal}: finishing ${finishing}; Ctrl-C again ends at once`);
  stop.abort(new Interrupted());
}

function endAtOnce(): void {
  fail(new Interrupted());
  process.exit();
}

/** Handles errors of standard output: a reader that has read enough (`| head -1`) is none; any other fails the command. */
function onOutputError(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") return;
  fail(inWords(error, "The result (standard output)", "written"));
}

/** Erases the progress on a terminal's last line. */
export function clearProgress(): void {
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[2K");
}

function printLine(line: string): void {
  clearProgress();
  process.stderr.write(`${line}\n`);
}
