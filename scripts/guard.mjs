// Ends a script with a one-line message on unexpected errors, like the commands of `guie`.
import { createRequire } from "node:module";

const INTERRUPTED_CODE = 130;

/**
 * Installs the handlers; every script calls it first.
 * @param name prefix of the messages
 * @param options.endsByInterrupt false for a script that handles Ctrl-C itself
 */
export function guardScript(name, { endsByInterrupt = true } = {}) {
  const end = (message, code) => {
    process.stderr.write(`\n${name}: ${message}\n`);
    process.exit(code);
  };
  process.stderr.on("error", () => {}); // nobody can read the messages
  process.stdout.on("error", (error) => {
    if (error.code !== "EPIPE") end(wordsOf(name, error), 1);
  });
  process.on("uncaughtException", (error) => end(wordsOf(name, error), 1));
  if (endsByInterrupt)
    process.on("SIGINT", () => end("interrupted; run it again to go on", INTERRUPTED_CODE));
}

function wordsOf(name, error) {
  try {
    return createRequire(import.meta.url)("../lib/dist/common/files/exit_errors.js").endingOf(name, error)
      .message;
  } catch {
    // lib is not built yet
    if (process.env.GUIE_DEBUG) return error.stack;
    return `unexpected error: ${error.message}. GUIE_DEBUG=1 shows its trace`;
  }
}
