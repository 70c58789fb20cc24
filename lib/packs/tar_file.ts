// Writes a tar in the form of WebDataset: members that share a key are one sample, 000000012.jpg with 000000012.cls.
import { type FileHandle, open } from "node:fs/promises";
import { Header } from "tar";

const BLOCK_BYTES = 512;
/** Every member has this time, so that the same images give the same tar. */
const MEMBER_TIME = new Date("2000-01-01T00:00:00Z");
const KEY_DIGITS = 9;
/** Two empty blocks end a tar. */
const END = Buffer.alloc(2 * BLOCK_BYTES);

/** An image to write. */
export interface Sample {
  /** Number of the image in the pack; its key. */
  number: number;
  /** Ending of the image's name, without the point. */
  extension: string;
  label: number;
  bytes: Uint8Array;
}

/** Writes the samples of a tar. */
export class TarFile {
  readonly #file: FileHandle;
  #end = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Makes a new file. @throws the file system's error; EEXIST if there is one */
  static async create(path: string): Promise<TarFile> {
    return new TarFile(await open(path, "wx"));
  }

  /** Adds samples. @returns the offset of each image's bytes in the tar */
  async add(samples: readonly Sample[]): Promise<number[]> {
    const pieces: Uint8Array[] = [];
    const offsets: number[] = [];
    let end = this.#end;
    const addMember = (name: string, bytes: Uint8Array) => {
      const padding = Buffer.alloc((BLOCK_BYTES - (bytes.length % BLOCK_BYTES)) % BLOCK_BYTES);
      pieces.push(headerOf(name, bytes.length), bytes, padding);
      const start = end + BLOCK_BYTES;
      end = start + bytes.length + padding.length;
      return start;
    };
    for (const { number, extension, label, bytes } of samples) {
      const key = String(number).padStart(KEY_DIGITS, "0");
      offsets.push(addMember(`${key}.${extension}`, bytes));
      addMember(`${key}.cls`, Buffer.from(String(label)));
    }
    await this.#file.writeFile(Buffer.concat(pieces));
    this.#end = end;
    return offsets;
  }

  /** Writes the end of the tar. */
  async finish(): Promise<void> {
    await this.#file.writeFile(END);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

/** Returns the header of a file in a tar; its short name and its numbers need no extension of the format. */
function headerOf(path: string, size: number): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  new Header({ path, size, mode: 0o644, uid: 0, gid: 0, type: "File", mtime: MEMBER_TIME }).encode(block);
  return block;
}
