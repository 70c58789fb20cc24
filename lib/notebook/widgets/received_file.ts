// A file that comes in pieces.
import { appendFileSync, existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { renameDurably } from "../../common/files/durable";
import { temporaryPath, writeError } from "../../common/files/files";
import { fileContent } from "../../common/files/fingerprint";
import { Refusal } from "../../datasets/archives/refusal";

/** A file under a temporary name, until its last piece has come. */
export class ReceivedFile {
  readonly path: string;
  readonly bytes: number;
  readonly #place: string;
  readonly #temporary: string;
  #received = 0;

  /**
   * Begins a file.
   * @param path checked, below `folder`
   * @throws UserError if it cannot be written
   */
  constructor(folder: string, path: string, bytes: number) {
    this.path = path;
    this.bytes = bytes;
    this.#place = join(folder, path);
    this.#temporary = temporaryPath(this.#place);
    this.#write(() => {
      mkdirSync(dirname(this.#place), { recursive: true });
      writeFileSync(this.#temporary, "");
    });
  }

  get isWhole(): boolean {
    return this.#received === this.bytes;
  }

  /** Adds a piece. @throws Refusal for more than was said */
  add(piece: Uint8Array): void {
    this.#received += piece.length;
    if (this.#received > this.bytes) throw new Refusal("more came than was said");
    this.#write(() => appendFileSync(this.#temporary, piece));
  }

  /** Renames the whole file into place. @throws Refusal if another one is there */
  async put(): Promise<void> {
    if (existsSync(this.#place)) {
      const isSame =
        statSync(this.#place).size === this.bytes &&
        (await fileContent(this.#place)) === (await fileContent(this.#temporary));
      this.drop();
      if (!isSame) throw new Refusal("another file of this name is there");
      return;
    }
    this.#write(() => renameDurably(this.#temporary, this.#place));
  }

  /** Deletes what has come. */
  drop(): void {
    rmSync(this.#temporary, { force: true });
  }

  #write(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.drop();
      throw writeError(this.#place, error);
    }
  }
}
