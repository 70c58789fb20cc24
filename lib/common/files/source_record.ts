// The record of the sources that images were made from: one line per source, appended when it is done.
import { closeSync, createReadStream, existsSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { writeAtomically, writeError } from "./files";
import { fileContent, type SeenFile } from "./fingerprint";

/** The outcome of a source. */
export interface SourceEntry {
  /** Its stamp in the file system. */
  stamp: string;
  /** The hash of its content; "" if it was not computed. */
  content: string;
  /** Why it cannot be used; "" if an image was made from it. */
  reason: string;
}

/** A source and the image made from it. */
export interface MakingOf {
  /** The source's name in the record. */
  image: string;
  /** Absolute paths. */
  source: string;
  target: string;
}

/** The most lines that a kill loses: for their images, `isMade` compares times instead. */
const LINES_PER_WRITE = 64;
/** The reason of an entry whose image is being made. */
const UNDER_WAY = "it was to be made anew";

/** Records of the same images by other processes, whose entries count as well; they are not written. */
export interface OtherRecords {
  /** Records whose entries are older than those of the record itself. */
  before?: readonly string[];
  /** Records whose entries are newer; the last one is the newest. */
  after?: readonly string[];
}

/** `sources.jsonl` of a folder of images: [source, stamp, content, reason] per line; a source's last line counts. */
export class SourceRecord {
  readonly #path: string;
  readonly #entries: Map<string, SourceEntry>;
  /** The sources with an entry in a record that is newer than this one. */
  readonly #later: ReadonlySet<string>;
  /** The sources with a line in this file, if records before it have others; else undefined. */
  readonly #own: Set<string> | undefined;
  #waiting: string[] = [];
  /** Lines in the file and in `#waiting`. */
  #lines: number;

  private constructor(
    path: string,
    entries: Map<string, SourceEntry>,
    { later, own, lines }: { later: ReadonlySet<string>; own: Set<string> | undefined; lines: number },
  ) {
    this.#path = path;
    this.#entries = entries;
    this.#later = later;
    this.#own = own;
    this.#lines = lines;
  }

  /** Reads a record, or begins one. Skips a line that a kill cut off. */
  static async open(path: string, { before, after = [] }: OtherRecords = {}): Promise<SourceRecord> {
    const entries = new Map<string, SourceEntry>();
    for (const other of before ?? []) await eachEntry(other, (source, entry) => entries.set(source, entry));
    const own = before && new Set<string>();
    const lines = await eachEntry(path, (source, entry) => {
      entries.set(source, entry);
      own?.add(source);
    });
    const later = new Set<string>();
    for (const other of after)
      await eachEntry(other, (source, entry) => {
        entries.set(source, entry);
        later.add(source);
      });
    return new SourceRecord(path, entries, { later, own, lines });
  }

  get(source: string): SourceEntry | undefined {
    return this.#entries.get(source);
  }

  set(source: string, entry: SourceEntry): void {
    this.#entries.set(source, entry);
    this.#own?.add(source);
    this.#waiting.push(lineOf(source, entry));
    this.#lines++;
    if (this.#waiting.length >= LINES_PER_WRITE) this.flush();
  }

  /** Returns the entry of a source that a newer record (`after`) has finished; undefined if none has. */
  finishedLater(source: string): SourceEntry | undefined {
    const entry = this.#later.has(source) ? this.#entries.get(source) : undefined;
    return entry?.reason === UNDER_WAY ? undefined : entry;
  }

  /**
   * Tells whether an image was made from the present content of its source; if so, updates the entry's stamp. An empty
   * image counts as not made: a power cut can leave one that was renamed but not yet on the disk. Without an entry, the
   * times decide. An entry of a record before this one is written here, too.
   */
  async isMade({ image, source, target }: MakingOf, { stamp, changedMs }: SeenFile): Promise<boolean> {
    const made = statSync(target, { throwIfNoEntry: false });
    if (!made || made.size === 0) return false;
    const entry = this.#entries.get(image);
    if (!entry && changedMs > made.mtimeMs) return false;
    if (entry && stamp !== "" && entry.stamp === stamp) {
      if (entry.reason === "" && this.#own?.has(image) === false) this.set(image, entry);
      return entry.reason === "";
    }
    if (entry && !(await isSame(entry, source))) return false;
    this.set(image, { content: "", reason: "", ...entry, stamp });
    return true;
  }

  /** Invalidates an entry before the image is made anew: a kill in between must leave no line about the old image. */
  forget(source: string): void {
    if (this.#entries.get(source)?.reason !== "") return;
    this.set(source, { stamp: "", content: "", reason: UNDER_WAY });
    this.flush();
  }

  /** Writes the waiting lines. */
  flush(): void {
    const lines = this.#waiting.splice(0).join("");
    if (lines === "") return;
    try {
      const file = openSync(this.#path, "a");
      try {
        writeSync(file, `\n${lines}`); // the last line may have been cut off
      } finally {
        closeSync(file);
      }
    } catch (error) {
      throw writeError(this.#path, error);
    }
  }

  /** Rewrites the file with the entries of these sources, and forgets all others. */
  async keepOnly(sources: Iterable<string>): Promise<void> {
    const kept = new Map<string, SourceEntry>();
    for (const source of sources) {
      const entry = this.#entries.get(source);
      if (entry) kept.set(source, entry);
    }
    if (kept.size === this.#lines && this.#later.size === 0) return this.flush();
    this.#entries.clear();
    for (const [source, entry] of kept) this.#entries.set(source, entry);
    this.#waiting = [];
    this.#lines = kept.size;
    if (kept.size === 0) return rmSync(this.#path, { force: true });
    await writeAtomically(this.#path, (temporary) => {
      const file = openSync(temporary, "w");
      try {
        for (const [source, entry] of kept) writeSync(file, lineOf(source, entry));
      } finally {
        closeSync(file);
      }
    });
  }
}

/** Calls `use` with the entries of a record, if there is one. @returns its number of lines */
async function eachEntry(path: string, use: (source: string, entry: SourceEntry) => void): Promise<number> {
  let lines = 0;
  if (!existsSync(path)) return lines;
  for await (const line of createInterface({ input: createReadStream(path) })) {
    lines++;
    const entry = parseLine(line);
    if (entry) use(entry[0], { stamp: entry[1], content: entry[2], reason: entry[3] });
  }
  return lines;
}

async function isSame({ content, reason }: SourceEntry, source: string): Promise<boolean> {
  return reason === "" && content !== "" && content === (await fileContent(source));
}

function lineOf(source: string, { stamp, content, reason }: SourceEntry): string {
  return `${JSON.stringify([source, stamp, content, reason])}\n`;
}

function parseLine(line: string): [string, string, string, string] | undefined {
  try {
    const values = JSON.parse(line) as unknown;
    const isEntry =
      Array.isArray(values) && values.length === 4 && values.every((value) => typeof value === "string");
    return isEntry ? (values as [string, string, string, string]) : undefined;
  } catch {
    return undefined; // cut off, or empty
  }
}
