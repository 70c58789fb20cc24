// How long work stops: by Interrupt in a notebook and Ctrl-C in a command, or by the AbortSignal that a caller gives.
import { AsyncLocalStorage } from "node:async_hooks";
import { setImmediate as nextTurn } from "node:timers/promises";

/** Thrown out of a long loop after Interrupt, Ctrl-C or a caller's abort; the signal's reason is its cause. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  constructor(
    message = "Interrupted: what was finished is kept; run the cell or the command again to go on.",
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

// Kept on the global object: the kernel (scripts/kernel/interrupt.js) and every copy of lib in the process share it.
const CONTROLLER = Symbol.for("guie.interrupt");
const shared = globalThis as { [CONTROLLER]?: AbortController | undefined };

/** The signals that callers gave for the work under way, innermost first. */
interface Scope {
  signal: AbortSignal;
  /** An abort stops the work once: what it then does to end in good order (saving) is not stopped. */
  isHeeded: boolean;
  outer: Scope | undefined;
}
const scopes = new AsyncLocalStorage<Scope>();

/**
 * Returns the signal of this process that Interrupt and Ctrl-C abort; there is a new one once it was heeded.
 * @example
 * await fetch(address, { signal: interruptSignal() });
 */
export function interruptSignal(): AbortSignal {
  shared[CONTROLLER] ??= new AbortController();
  return shared[CONTROLLER].signal;
}

/** Asks the running long loop to stop at its next `checkInterrupt()`. */
export function requestInterrupt(): void {
  shared[CONTROLLER] ??= new AbortController();
  shared[CONTROLLER].abort();
}

/** Forgets an Interrupt that nobody has heeded; the kernel does so before every cell. */
export function clearInterrupt(): void {
  shared[CONTROLLER] = undefined;
}

/**
 * Gives the event loop a turn, so that messages, timers and signals are served, then throws Interrupted if Interrupt was
 * pressed or a signal given to `withSignal` is aborted. Every long loop of this library awaits it between two pieces of
 * work. An interrupt is thrown once.
 * @example
 * for (const file of files) { await checkInterrupt(); resize(file); }
 */
export async function checkInterrupt(): Promise<void> {
  await nextTurn();
  heed();
}

/**
 * Runs `work`, whose `checkInterrupt()` calls then heed `signal` too.
 * @throws Interrupted once the signal is aborted, also where it is already
 */
export async function withSignal<T>(
  signal: AbortSignal | undefined,
  work: () => T | Promise<T>,
): Promise<Awaited<T>> {
  if (!signal) return await work();
  return await scopes.run({ signal, isHeeded: false, outer: scopes.getStore() }, () => {
    heed();
    return work();
  });
}

function heed(): void {
  if (shared[CONTROLLER]?.signal.aborted) {
    clearInterrupt();
    throw new Interrupted();
  }
  for (let scope = scopes.getStore(); scope; scope = scope.outer) {
    if (!scope.signal.aborted || scope.isHeeded) continue;
    scope.isHeeded = true;
    throw new Interrupted(undefined, { cause: scope.signal.reason });
  }
}
