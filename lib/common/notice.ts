// Prints lines for a person on standard error, apart from the results.
const printed = new Set<string>();

/** Prints a line for a person on standard error; a notebook shows it below the cell. */
export function notice(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Prints a line as `notice` does, but only once in this process. */
export function noticeOnce(line: string): void {
  if (printed.has(line)) return;
  printed.add(line);
  notice(line);
}
