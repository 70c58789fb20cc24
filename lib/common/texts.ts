// Columns of texts: millions of paths in little memory.

/** Read-only texts by row: an array of strings, or a `TextColumn` of millions. */
export interface Texts extends Iterable<string> {
  readonly length: number;
  at(row: number): string | undefined;
}

const TEXTS_PER_BLOCK = 4096;

/**
 * Millions of texts in little memory: UTF-8 bytes in blocks; `at` makes a string on demand. Equal texts in consecutive
 * rows are stored once. 6 M paths of 60 bytes, 2.5 M of them distinct, take 180 MB; as strings 600 MB.
 */
export class TextColumn implements Texts {
  /** Blocks of the bytes of 4,096 texts, with the end of each text. */
  readonly #blocks: { bytes: Buffer; ends: Uint32Array }[] = [];
  /** Number of the text in each row. */
  readonly #textOf: Int32Array;
  #pending: string[] = [];
  #rows = 0;

  /** @param rows number of rows that will be pushed */
  constructor(rows: number) {
    this.#textOf = new Int32Array(rows);
  }

  get length(): number {
    return this.#rows;
  }

  /** Adds a row; null repeats the text of the previous row. */
  push(text: string | null): void {
    if (text !== null) {
      if (this.#pending.length === TEXTS_PER_BLOCK) this.#pack();
      this.#pending.push(text);
    }
    this.#textOf[this.#rows++] = this.#blocks.length * TEXTS_PER_BLOCK + this.#pending.length - 1;
  }

  at(row: number): string | undefined {
    if (row < 0 || row >= this.#rows) return undefined;
    const text = this.#textOf[row]!;
    const place = text % TEXTS_PER_BLOCK;
    const block = this.#blocks[Math.floor(text / TEXTS_PER_BLOCK)];
    if (!block) return this.#pending[place];
    return block.bytes.toString("utf8", place === 0 ? 0 : block.ends[place - 1], block.ends[place]);
  }

  *[Symbol.iterator](): Iterator<string> {
    for (let row = 0; row < this.#rows; row++) yield this.at(row)!;
  }

  #pack(): void {
    let end = 0;
    const ends = Uint32Array.from(this.#pending, (text) => {
      end += Buffer.byteLength(text);
      return end;
    });
    this.#blocks.push({ bytes: Buffer.from(this.#pending.join("")), ends });
    this.#pending = [];
  }
}
