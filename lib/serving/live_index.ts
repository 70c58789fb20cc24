// The index of a running service: its rows may be replaced while searches are under way.
import type { IndexState } from "./index_state";

interface Held {
  state: IndexState;
  /** Searches under way. */
  users: number;
}

/** The rows of now; earlier ones are freed when the last search over them ends. */
export class LiveIndex {
  #now: Held | undefined;

  /** The rows of now; undefined before the first ones are there. */
  get state(): IndexState | undefined {
    return this.#now?.state;
  }

  /** Works on the rows of now, which stay until the work ends. */
  async use<T>(work: (state: IndexState | undefined) => Promise<T>): Promise<T> {
    const held = this.#now;
    if (!held) return work(undefined);
    held.users++;
    try {
      return await work(held.state);
    } finally {
      held.users--;
      this.#free(held);
    }
  }

  /** Puts other rows in place; undefined: none. */
  replace(state: IndexState | undefined): void {
    const old = this.#now;
    this.#now = state && { state, users: 0 };
    if (old) this.#free(old);
  }

  #free(held: Held): void {
    if (held !== this.#now && held.users === 0) held.state.searcher.dispose();
  }
}
