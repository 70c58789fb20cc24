// A budget of some resource (bytes of memory) that concurrent work shares.

/** A limit on the total amount that concurrent pieces of work use. They begin in order of arrival. */
export class Budget {
  readonly #limit: number;
  #free: number;
  readonly #waiting: { amount: number; begin: () => void }[] = [];

  constructor(limit: number) {
    this.#limit = limit;
    this.#free = limit;
  }

  /** Runs `work` as soon as `amount` is free. Work that needs more than the limit runs alone. */
  async use<T>(amount: number, work: () => Promise<T>): Promise<T> {
    const share = Math.min(amount, this.#limit);
    await new Promise<void>((begin) => {
      this.#waiting.push({ amount: share, begin });
      this.#beginNext();
    });
    try {
      return await work();
    } finally {
      this.#free += share;
      this.#beginNext();
    }
  }

  #beginNext(): void {
    for (let next = this.#waiting[0]; next && next.amount <= this.#free; next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#free -= next.amount;
      next.begin();
    }
  }
}
