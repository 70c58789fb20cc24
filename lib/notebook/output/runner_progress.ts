// Tells a headless runner how far a notebook is.
import { writeFileSync } from "node:fs";

/** Set by scripts/notebooks.mjs: the file in which it looks for the latest line of progress. */
const PROGRESS_FILE = process.env.GUIE_PROGRESS_FILE;

/** Tells who runs this notebook headless how far it is; nothing in a notebook that a person runs. */
export function tellRunner(line: string): void {
  if (PROGRESS_FILE) writeFileSync(PROGRESS_FILE, line);
}
