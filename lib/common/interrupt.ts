// Stops long work: after Interrupt in a notebook, Ctrl-C in a command, or the abort of a caller's AbortSignal.
import { AsyncLocalStorage } from "node:async_hooks";
import { setImmediate as nextTurn } from "node:timers/promises";

/** The error that ends long work after Interrupt, Ctrl-C or a caller's abort; its cause is the signal's reason. */
export class Interrupted extends Error {
  override readonly name = "Interrupted";
  constructor(
    message = "Interrupted: what was finished is kept; run the cell or the command again to go on.",
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

// On the global object: the kernel (scripts/kernel/interrupt.js) and every copy of lib in the process share it.
const CONTROLLER = Symbol.for("guie.interrupt");
const shared = globalThis as { [CONTROLLER]?: AbortController | undefined };

/** The signal that a caller gave for the work under way, and those of the work around it. */
interface Scope {
  signal: AbortSignal;
  /** True once the abort was thrown: the work may then end in good order (save) without being stopped again. */
  wasThrown: boolean;
  outer: Scope | undefined;
}
const scopes = new AsyncLocalStorage<Scope>();

/**
 * Returns the process's signal, which Interrupt and Ctrl-C abort; it is replaced after the abort was thrown.
 * @example
 * await fetch(address, { signal: interruptSignal() });
 */
export function interruptSignal(): AbortSignal {
  shared[CONTROLLER] ??= new AbortController();
  return shared[CONTROLLER].signal;
}

/** Stops the running long loop at its next `checkInterrupt()`. */
export function requestInterrupt(): void {
  shared[CONTROLLER] ??= new AbortController();
  shared[CONTROLLER].abort();
}

/** Forgets an Interrupt that stopped nothing; the kernel calls it before every cell. */
export function clearInterrupt(): void {
  shared[CONTROLLER] = undefined;
}

/**
 * Gives the event loop a turn, so that messages, timers and signals are served, then throws Interrupted if Interrupt was
 * pressed or a signal given to `withSignal` is aborted. Every long loop of this library awaits it between two pieces of
 * work. Each interrupt is thrown once.
 * @example
 * for (const file of files) { await checkInterrupt(); resize(file); }
 */
export async function checkInterrupt(): Promise<void> {
  await nextTurn();
  throwIfAborted();
}

/**
 * Runs `work`; its calls of `checkInterrupt()` then check `signal` too.
 * @throws Interrupted once the signal is aborted, also if it was aborted before
 */
export async function withSignal<T>(
  signal: AbortSignal | undefined,
  work: () => T | Promise<T>,
): Promise<Awaited<T>> {
  if (!signal) return await work();
  return await scopes.run({ signal, wasThrown: false, outer: scopes.getStore() }, () => {
    throwIfAborted();
    return work();
  });
}

function throwIfAborted(): void {
  if (shared[CONTROLLER]?.signal.aborted) {
    clearInterrupt();
    throw new Interrupted();
  }
  for (let scope = scopes.getStore(); scope; scope = scope.outer) {
    if (!scope.signal.aborted || scope.wasThrown) continue;
    scope.wasThrown = true;
    throw new Interrupted(undefined, { cause: scope.signal.reason });
  }
}
