// Columns of texts: millions of paths in little memory.

/** Read-only texts by row: an array of strings, or a `TextColumn` of millions. */
export interface Texts extends Iterable<string> {
  readonly length: number;
  at(row: number): string | undefined;
}

const TEXTS_PER_BLOCK = 4096;
/** A UTF-16 unit becomes at most three bytes of UTF-8. */
const MOST_BYTES_PER_UNIT = 3;

/** The bytes of some texts, and the end of each. */
interface Block {
  bytes: Buffer;
  ends: Uint32Array;
}

/**
 * Millions of texts in little memory: UTF-8 bytes in blocks; `at` makes a string on demand. Equal texts in consecutive
 * rows are stored once. 6 M paths of 60 bytes, 2.5 M of them distinct, take 180 MB; as strings 600 MB.
 */
export class TextColumn implements Texts {
  /** Blocks of the bytes of 4,096 texts, with the end of each text. */
  readonly #blocks: Block[] = [];
  /** Number of the text in each row. */
  readonly #textOf: Int32Array;
  /** The block that is filled: room for its bytes, the ends of its texts, their number. */
  #bytes = Buffer.allocUnsafe(1 << 16);
  readonly #ends = new Uint32Array(TEXTS_PER_BLOCK);
  #count = 0;
  #rows = 0;

  /** @param rows number of rows that will be pushed */
  constructor(rows: number) {
    this.#textOf = new Int32Array(rows);
  }

  get length(): number {
    return this.#rows;
  }

  /** Adds a row. */
  push(text: string): void {
    const start = this.#end(this.#count);
    this.#reserve(start + MOST_BYTES_PER_UNIT * text.length);
    const end = start + this.#bytes.write(text, start);
    if (!this.#isLast(this.#bytes, start, end)) this.#ends[this.#count++] = end;
    this.#addRow();
  }

  /** Adds a row whose text is `bytes[start .. end]` in UTF-8. */
  pushUtf8(bytes: Buffer, start: number, end: number): void {
    if (!this.#isLast(bytes, start, end)) {
      const from = this.#end(this.#count);
      this.#reserve(from + end - start);
      this.#ends[this.#count++] = from + bytes.copy(this.#bytes, from, start, end);
    }
    this.#addRow();
  }

  at(row: number): string | undefined {
    if (row < 0 || row >= this.#rows) return undefined;
    const text = this.#textOf[row]!;
    const place = text % TEXTS_PER_BLOCK;
    const block = this.#blocks[Math.floor(text / TEXTS_PER_BLOCK)];
    const { bytes, ends } = block ?? { bytes: this.#bytes, ends: this.#ends };
    return bytes.toString("utf8", place === 0 ? 0 : ends[place - 1], ends[place]);
  }

  *[Symbol.iterator](): Iterator<string> {
    for (let row = 0; row < this.#rows; row++) yield this.at(row)!;
  }

  /** Returns the end of the first `count` texts of the block that is filled. */
  #end(count: number): number {
    return count === 0 ? 0 : this.#ends[count - 1]!;
  }

  #reserve(bytes: number): void {
    if (bytes > this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes], 2 * bytes);
  }

  /** Adds a row with the last text. */
  #addRow(): void {
    this.#textOf[this.#rows++] = this.#blocks.length * TEXTS_PER_BLOCK + this.#count - 1;
    if (this.#count === TEXTS_PER_BLOCK) this.#close();
  }

  /** Tells whether the last text of the block is `bytes[start .. end]`. Paths differ at their ends first. */
  #isLast(bytes: Buffer, start: number, end: number): boolean {
    if (this.#count === 0) return false;
    const last = this.#end(this.#count - 1);
    if (this.#end(this.#count) - last !== end - start) return false;
    for (let i = end - 1; i >= start; i--) if (bytes[i] !== this.#bytes[last + i - start]) return false;
    return true;
  }

  #close(): void {
    const bytes = Buffer.from(this.#bytes.subarray(0, this.#end(this.#count)));
    this.#blocks.push({ bytes, ends: this.#ends.slice() });
    this.#count = 0;
  }
}
