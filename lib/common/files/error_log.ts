// Traces of unexpected errors: each in a file of its own in the system's temporary folder, of which the newest stay.
import { lstatSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { byCodeUnit } from "../code_units";

const KEPT_FILES = 10;
const LARGEST_BYTES = 65_536;
const NAME = /^guie-error-.*\.log$/;

/**
 * Keeps the trace of an error.
 * @param where the command that failed
 * @returns the file; undefined where none can be written
 */
export function keepTrace(where: string, error: unknown): string | undefined {
  try {
    const folder = tmpdir();
    const time = new Date().toISOString();
    const path = join(folder, `guie-error-${time.replaceAll(/[:.]/g, "-")}-${process.pid}.log`);
    const lines = [
      `${time} ${where}`,
      `node ${process.version}, ${process.platform} ${process.arch} ${release()}`,
      `in ${process.cwd()}: ${process.argv.slice(1).join(" ")}`,
      `\n${traceOf(error)}\n`,
    ];
    const bytes = Buffer.from(lines.join("\n")).subarray(0, LARGEST_BYTES);
    writeFileSync(path, bytes, { flag: "wx", mode: 0o600 });
    dropOldest(folder);
    return path;
  } catch {
    return undefined; // a full disk may be the very error
  }
}

/** An error with its trace and its causes. */
export function traceOf(error: unknown): string {
  return inspect(error, { depth: 4, maxArrayLength: 20, maxStringLength: 10_000, breakLength: 120 });
}

/** Deletes the oldest files of this user beyond those that stay. Their names begin with their time. */
function dropOldest(folder: string): void {
  const own = readdirSync(folder).filter(
    (name) => NAME.test(name) && lstatSync(join(folder, name)).uid === process.getuid?.(),
  );
  for (const name of own.sort(byCodeUnit).slice(0, -KEPT_FILES)) rmSync(join(folder, name), { force: true });
}
