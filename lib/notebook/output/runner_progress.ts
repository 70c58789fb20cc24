// Reports a notebook's progress to a headless runner.
import { writeFileSync } from "node:fs";

/** File from which scripts/notebooks.mjs reads the latest line of progress; it sets the variable. */
const PROGRESS_FILE = process.env.GUIE_PROGRESS_FILE;

/** True in a headless run whose outputs are committed: rates and finished work differ from run to run. */
export const PROGRESS_IS_HIDDEN = process.env.GUIE_HIDE_PROGRESS === "1";

/** Reports a line of progress to the headless runner; does nothing in an interactive notebook. */
export function tellRunner(line: string): void {
  if (PROGRESS_FILE) writeFileSync(PROGRESS_FILE, line);
}
