// A lock that threads share.

/** A lock among threads: one holds it, the others block until it is free. Its `memory` can be posted to threads. */
export class SharedLock {
  /** The memory from which another thread makes the same lock. */
  readonly memory: SharedArrayBuffer;
  readonly #state: Int32Array;

  /** @param memory the memory of a lock that another thread has made; by default the lock is new */
  constructor(memory = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#state = new Int32Array(memory);
  }

  /** Runs `work` while no other thread holds the lock. */
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
