// Batching of requests: those that arrive together share a forward pass.
import { Refusal } from "./limits/refusal";

/** Limits of a batch. */
export interface BatchLimits {
  /** Most items in a pass. */
  maxBatch: number;
  /** Longest time that the first item waits for others. */
  maxWaitMs: number;
}

interface Waiting<Item, Result> {
  item: Item;
  sinceMs: number;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/**
 * Collects single items into batches and processes one batch at a time, in order of arrival. While a pass runs, the
 * next batch fills up.
 */
export class Batcher<Item, Result> {
  readonly #work: (items: Item[]) => Promise<readonly Result[]>;
  readonly #limits: BatchLimits;
  readonly #waiting: Waiting<Item, Result>[] = [];
  #timer: NodeJS.Timeout | undefined;
  #running = false;
  #lastPass: Promise<void> | undefined;
  #passes = 0;
  #items = 0;

  /** @param work returns a result per item, in their order; an error rejects all items of the batch */
  constructor(work: (items: Item[]) => Promise<readonly Result[]>, limits: BatchLimits) {
    this.#work = work;
    this.#limits = limits;
  }

  /** Completed passes and items. */
  get counts(): { passes: number; items: number } {
    return { passes: this.#passes, items: this.#items };
  }

  /** Returns the result of one item. @param gone drops a waiting item; the signal's reason is thrown */
  add(item: Item, gone?: AbortSignal): Promise<Result> {
    return new Promise((resolve, reject) => {
      gone?.throwIfAborted();
      const waiting = { item, sinceMs: performance.now(), resolve, reject };
      this.#waiting.push(waiting);
      gone?.addEventListener("abort", () => this.#drop(waiting, gone.reason), { once: true });
      this.#plan();
    });
  }

  /** Waits for the current pass; waiting items fail. */
  async close(): Promise<void> {
    for (const waiting of [...this.#waiting]) this.#drop(waiting, new Refusal(503, "the service has ended"));
    await this.#lastPass;
  }

  #drop(waiting: Waiting<Item, Result>, reason: unknown): void {
    const place = this.#waiting.indexOf(waiting);
    if (place < 0) return;
    this.#waiting.splice(place, 1);
    waiting.reject(reason);
    this.#plan();
  }

  /** Begins a pass, or schedules one. */
  #plan(): void {
    clearTimeout(this.#timer);
    const first = this.#waiting[0];
    if (this.#running || !first) return;
    const leftMs = first.sinceMs + this.#limits.maxWaitMs - performance.now();
    if (leftMs <= 0 || this.#waiting.length >= this.#limits.maxBatch) this.#lastPass = this.#pass();
    else this.#timer = setTimeout(() => this.#plan(), Math.ceil(leftMs));
  }

  async #pass(): Promise<void> {
    const batch = this.#waiting.splice(0, this.#limits.maxBatch);
    this.#running = true;
    try {
      const results = await this.#work(batch.map(({ item }) => item));
      for (const [i, { resolve }] of batch.entries()) resolve(results[i]!);
      this.#passes++;
      this.#items += batch.length;
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      this.#running = false;
      this.#plan();
    }
  }
}
