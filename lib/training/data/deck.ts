// Rows that are drawn like cards.
import type { RandomStream } from "../../common/random";

/** Rows as a deck of cards, reshuffled when too few are left. */
export class Deck {
  readonly #random: RandomStream;
  #rows: readonly number[];
  #next: number;

  constructor(random: RandomStream, rows: readonly number[]) {
    this.#random = random;
    this.#rows = rows;
    this.#next = rows.length;
  }

  /** Draws rows; distinct ones if there are enough. */
  draw(count: number): number[] {
    if (this.#next + count > this.#rows.length) {
      this.#rows = this.#random.shuffle(this.#rows);
      this.#next = 0;
    }
    const size = this.#rows.length;
    const drawn = Array.from({ length: count }, (_, i) => this.#rows[(this.#next + i) % size]!);
    this.#next = Math.min(size, this.#next + count);
    return drawn;
  }
}
