import { setImmediate as nextTurn } from "node:timers/promises";

/** Thrown out of a long loop after Interrupt was pressed in the notebook (or Ctrl-C in the command line). */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  constructor(
    message = "Interrupted: what was finished is kept; run the cell or the command again to go on.",
  ) {
    super(message);
  }
}

// Kept on the global object: the kernel's preload and every (re)loaded copy of lib share one flag.
const FLAG = Symbol.for("guie.interruptRequested");
const shared = globalThis as { [FLAG]?: boolean };

/** Asks the running long loop to stop at its next `breathe()`. */
export function requestInterrupt(): void {
  shared[FLAG] = true;
}

/** Forgets an Interrupt that nobody has heeded; the kernel calls it before every cell. */
export function clearInterrupt(): void {
  shared[FLAG] = false;
}

/**
 * Gives the event loop a turn, so that messages, timers and signals are served, then throws Interrupted if
 * Interrupt was pressed. Every long loop of this library awaits it between two pieces of work.
 * @example
 * for (const file of files) { await breathe(); resize(file); }
 */
export async function breathe(): Promise<void> {
  await nextTurn();
  if (!shared[FLAG]) return;
  shared[FLAG] = false;
  throw new Interrupted();
}
