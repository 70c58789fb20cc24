// Stack traces of unexpected errors: one file each in the system's temporary folder; only the newest are kept.
import { lstatSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { byCodeUnit } from "../code_units";

const KEPT_FILES = 10;
const LARGEST_BYTES = 65_536;
const NAME = /^guie-error-.*\.log$/;

/**
 * Writes the trace of an error into a file of its own.
 * @param where the command that failed
 * @returns the file's path; undefined if it cannot be written
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

/** Formats an error with its trace and its causes. */
export function traceOf(error: unknown): string {
  return inspect(error, { depth: 4, maxArrayLength: 20, maxStringLength: 10_000, breakLength: 120 });
}

/** Deletes this user's oldest traces beyond KEPT_FILES. Their names begin with their time. */
function dropOldest(folder: string): void {
  const traces = readdirSync(folder).filter(
    (name) => NAME.test(name) && lstatSync(join(folder, name)).uid === process.getuid?.(),
  );
  for (const name of traces.sort(byCodeUnit).slice(0, -KEPT_FILES))
    rmSync(join(folder, name), { force: true });
}
