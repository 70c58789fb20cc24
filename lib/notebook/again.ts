/** Set by scripts/kernel/again.js. */
const ASKED_AGAIN = Symbol.for("guie.cellAskedAgain");

/** Whether the cell that runs is next in line once more: its tab was closed, or its reader wants it from the start. */
export function cellAskedAgain(): boolean {
  return (globalThis as { [ASKED_AGAIN]?: () => boolean })[ASKED_AGAIN]?.() ?? false;
}
