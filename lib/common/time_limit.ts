// The time that a person gives to a command, and what is left of it.
import { formatSeconds } from "./progress";

/** A limit that begins when it is made. */
export class TimeLimit {
  readonly #endMs: number;

  /** @param minutes Infinity for none */
  constructor(minutes: number) {
    this.#endMs = performance.now() + minutes * 60_000;
  }

  /** What is left; not below 0. */
  get leftSeconds(): number {
    return Math.max(0, (this.#endMs - performance.now()) / 1000);
  }

  /** Returns the reason why work does not fit into what is left; undefined if it does. */
  whyNot(seconds: number): string | undefined {
    const left = this.leftSeconds;
    if (seconds <= left) return undefined;
    return `it takes about ${formatSeconds(seconds)}, ${formatSeconds(left)} are left`;
  }

  /** Returns a signal that is aborted some time before the end; undefined without a limit. */
  signalBefore(seconds: number): AbortSignal | undefined {
    const leftMs = (this.leftSeconds - seconds) * 1000;
    return leftMs < LONGEST_TIMER_MS ? AbortSignal.timeout(Math.max(0, Math.round(leftMs))) : undefined;
  }
}

/** Timers of Node take no more: 24 days. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Returns the result of work, and its seconds. */
export async function timed<T>(work: () => Promise<T>): Promise<{ result: T; seconds: number }> {
  const startedAtMs = performance.now();
  const result = await work();
  return { result, seconds: (performance.now() - startedAtMs) / 1000 };
}
