/** A lock among threads: who holds it runs, others wait, each blocking its own thread. Its `memory` can be posted to them. */
export class SharedLock {
  /** For another thread's lock on the same. */
  readonly memory: SharedArrayBuffer;
  readonly #state: Int32Array;

  /** @param memory of a lock that another thread has made; a new one unless told */
  constructor(memory = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#state = new Int32Array(memory);
  }

  /** Does `work` while no other thread holds the lock. */
  async hold<T>(work: () => T | Promise<T>): Promise<T> {
    while (Atomics.compareExchange(this.#state, 0, FREE, HELD) !== FREE) Atomics.wait(this.#state, 0, HELD);
    try {
      return await work();
    } finally {
      Atomics.store(this.#state, 0, FREE);
      Atomics.notify(this.#state, 0, 1);
    }
  }
}

const [FREE, HELD] = [0, 1];
