// Prints a line for a person beside the results, on standard error.
const told = new Set<string>();

/** Tells a person a line beside the results: on standard error, which a notebook shows below the cell. */
export function notice(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** The same, but the same line once in a process. */
export function noticeOnce(line: string): void {
  if (told.has(line)) return;
  told.add(line);
  notice(line);
}
