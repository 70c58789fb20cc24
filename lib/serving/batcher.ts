/** When items go through together. */
export interface BatchLimits {
  /** Items of a pass, at most. */
  maxBatch: number;
  /** So long the first of them waits for others. */
  maxWaitMs: number;
}

interface Waiting<Item, Result> {
  item: Item;
  sinceMs: number;
  resolve(result: Result): void;
  reject(error: unknown): void;
}

/**
 * Collects items that come one by one, and has them worked on together: one pass at a time, in the order of their
 * coming. While a pass runs, the next one fills up.
 */
export class Batcher<Item, Result> {
  readonly #work: (items: Item[]) => Promise<readonly Result[]>;
  readonly #limits: BatchLimits;
  readonly #waiting: Waiting<Item, Result>[] = [];
  #timer: NodeJS.Timeout | undefined;
  #running = false;
  #passes = 0;
  #items = 0;

  /** @param work gives a result for each item, in their order; an error goes to all of them */
  constructor(work: (items: Item[]) => Promise<readonly Result[]>, limits: BatchLimits) {
    this.#work = work;
    this.#limits = limits;
  }

  /** What was done so far. */
  get counts(): { passes: number; items: number } {
    return { passes: this.#passes, items: this.#items };
  }

  /** The result of one item. */
  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, sinceMs: performance.now(), resolve, reject });
      this.#plan();
    });
  }

  /** Begins a pass, or sees to it that one begins in time. */
  #plan(): void {
    clearTimeout(this.#timer);
    const first = this.#waiting[0];
    if (this.#running || !first) return;
    const leftMs = first.sinceMs + this.#limits.maxWaitMs - performance.now();
    if (leftMs <= 0 || this.#waiting.length >= this.#limits.maxBatch) void this.#pass();
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
