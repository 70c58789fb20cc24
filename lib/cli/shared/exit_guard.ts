// What holds for a command from its first moment to its last: Ctrl-C, closed or full outputs, errors that nobody expected.

import { inWords } from "../../common/files/errno";
import { endingOf, INTERRUPTED_CODE } from "../../common/files/exit_errors";
import { Interrupted, requestInterrupt } from "../../common/interrupt";

type StopSignal = "SIGINT" | "SIGTERM";

/** A command that was ended by SIGTERM: 128 + 15. */
const TERMINATED_CODE = 143;
/** A command that does not heed Ctrl-C within this time is ended: files are whole or absent at any moment. */
const GRACE_MS = 3000;
/** npm passes Ctrl-C on to a process that the terminal has told already: a second press comes later than this. */
const SAME_PRESS_MS = 500;

const stop = new AbortController();
let stoppedBy: { signal: StopSignal; atMs: number } | undefined;
/** What a command finishes before it stops; undefined for one that stops where it is. */
let finishing: string | undefined;
let command = "guie";

/** Begins to guard this process. Called once, before the commands are loaded. */
export function guardProcess(): void {
  process.stdout.on("error", onOutputError);
  process.stderr.on("error", () => {}); // messages that nobody can read are no reason to lose the work
  process.on("uncaughtException", (error) => {
    fail(error);
    process.exit();
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => onStop(signal));
}

/** Says which command runs: messages begin with its name. */
export function nameCommand(name: string): void {
  command = `guie ${name}`;
}

/** The command that runs: "guie train". */
export function commandName(): string {
  return command;
}

/** Says why the command ends, in words, and sets its exit code. */
export function fail(error: unknown): void {
  const { message, exitCode } = endingOf(command, error);
  say(`${command}: ${message}`);
  process.exitCode =
    stoppedBy?.signal === "SIGTERM" && exitCode === INTERRUPTED_CODE ? TERMINATED_CODE : exitCode;
}

/**
 * Lets a command finish what it has begun when it is asked to stop; a second Ctrl-C ends it at once.
 * @param what it finishes: "the step under way"
 * @returns aborted once it is to stop, with an `Interrupted` as the reason
 */
export function finishBeforeStopping(what: string): AbortSignal {
  finishing = what;
  return stop.signal;
}

/** The exit code of a command that has stopped in good order: 130 after Ctrl-C, 0 where another process asked for it. */
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
  } else say(`${signal}: finishing ${finishing}; Ctrl-C again ends at once`);
  stop.abort(new Interrupted());
}

function endAtOnce(): void {
  fail(new Interrupted());
  process.exit();
}

/** Who reads the output may have read enough (`| head -1`): no fault. Any other result that is not written is one. */
function onOutputError(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") return;
  fail(inWords(error, "The result (standard output)", "written"));
}

/** Takes away the progress that stands on a terminal's last line. */
export function clearProgress(): void {
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[2K");
}

function say(line: string): void {
  clearProgress();
  process.stderr.write(`${line}\n`);
}
