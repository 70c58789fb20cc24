// Splits the text of a table, in pieces as it comes from the disk, into rows of cells. Like pandas, it accepts line
// ends of any kind, also mixed; a quote opens a quoted cell only at the cell's beginning, and is a plain character
// elsewhere. No library does all of it: csv-parse takes text after a closing quote for part of the cell.

const [QUOTE, SPACE, LINE_FEED, RETURN] = ['"', " ", "\n", "\r"].map((character) => character.charCodeAt(0));

/** A table that cannot be split into cells. */
export class RecordError extends Error {
  override readonly name = "RecordError";
}

/** The form of the cells. */
export interface RecordForm {
  /** One character. */
  separator: string;
  /** True if spaces after a separator are ignored. */
  spaced: boolean;
}

/** Splits text that arrives in pieces, cut anywhere. */
export class RecordSplitter {
  readonly #separator: number;
  readonly #spaced: boolean;
  readonly #use: (cells: string[], line: number) => void;
  #cells: string[] = [];
  /** The part of the cell from earlier pieces and quotes. */
  #cell = "";
  /** "open": at a cell's beginning; "quoted": inside quotes; "closed": after them; "plain": in an unquoted cell. */
  #state: "open" | "quoted" | "closed" | "plain" = "open";
  #afterReturn = false;
  #line = 1;
  /** The line in which the row, and the quote, began. */
  #startLine = 1;

  /** @param use called with the cells of each row that is not empty, and the line in which it begins, from 1 */
  constructor({ separator, spaced }: RecordForm, use: (cells: string[], line: number) => void) {
    this.#separator = separator.charCodeAt(0);
    this.#spaced = spaced;
    this.#use = use;
  }

  /** Splits the next piece. @throws RecordError for text after a closing quote */
  // biome-ignore lint/complexity/noExcessiveCognitiveComplexity: one state machine; a call for each character would cost time
  push(text: string): void {
    let start = 0;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      const endsReturn = this.#afterReturn && code === LINE_FEED;
      this.#afterReturn = code === RETURN;
      if (!endsReturn && (code === LINE_FEED || code === RETURN)) this.#line++;
      if (this.#state === "quoted") {
        if (code !== QUOTE) continue;
        this.#cell += text.slice(start, i);
        this.#state = "closed";
        start = i + 1;
      } else if (code === this.#separator) {
        this.#endCell(text.slice(start, i));
        start = i + 1;
      } else if (code === LINE_FEED || code === RETURN) {
        if (!endsReturn) this.#endRecord(text.slice(start, i));
        start = i + 1;
      } else if (this.#state === "closed") {
        if (code === QUOTE) this.#cell += '"';
        if (code === QUOTE) this.#state = "quoted";
        else if (code !== SPACE)
          throw new RecordError(
            `line ${this.#line} has text after a closing quote: write a quote inside quotes twice`,
          );
        start = i + 1;
      } else if (this.#state === "open" && code === QUOTE) {
        this.#state = "quoted";
        start = i + 1;
      } else if (this.#state === "open" && code === SPACE && this.#spaced) start = i + 1;
      else this.#state = "plain";
    }
    this.#cell += text.slice(start);
  }

  /** Ends the text and its last row. @throws RecordError for a quote that is not closed */
  end(): void {
    if (this.#state === "quoted")
      throw new RecordError(
        `the quote that opens a cell in line ${this.#startLine}, or below, is not closed`,
      );
    this.#endRecord("");
  }

  #endCell(text: string): void {
    this.#cells.push(this.#cell + text);
    this.#cell = "";
    this.#state = "open";
  }

  #endRecord(text: string): void {
    const isEmpty = this.#cells.length === 0 && this.#state !== "closed" && (this.#cell + text).trim() === "";
    this.#endCell(text);
    const cells = this.#cells;
    this.#cells = [];
    if (!isEmpty) this.#use(cells, this.#startLine);
    this.#startLine = this.#line;
  }
}
