// Vectors by the hash of the bytes that they were made from, in blocks on disk: nothing is kept twice, nothing is
// changed in place. A block's name is the hash of what it holds, so several processes may add and join blocks at once.
// Shapes: n rows of a block, F numbers per row.
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { messageOf, UserError } from "../common/errors";
import { makeFolder, removeAbandoned } from "../common/files/files";
import { notice } from "../common/notice";
import { joinRows, pickRows, rowOf, sliceRows, type Vectors } from "../common/vectors";
import { openSafetensors, writeSafetensors } from "../formats/safetensors";
import { SHARD_TENSOR } from "./feature_files";
import { digestOf, joinContents, splitContents } from "./feature_sources";

/** Blocks of fewer rows are joined when there are many of them. */
const SMALL_ROWS = 4_096;
/** Most small blocks. */
const MOST_SMALL = 32;
const BLOCK_NAME = /^vectors\.[\da-f]{16}\.safetensors$/;

/** Vectors on disk by the hash of their source. */
export class VectorStore {
  readonly #folder: string;
  /** The hashes in each block, by file. */
  readonly #blocks = new Map<string, readonly string[]>();

  /** @param folder absolute; it holds the vectors of one model */
  constructor(folder: string) {
    this.#folder = folder;
    makeFolder(folder);
    removeAbandoned(join(folder, "vectors"));
  }

  /**
   * Reads the vectors of some sources, also those that other processes have added since. A damaged block is deleted
   * with a notice.
   * @returns vectors [F] by hash, without those that are not there
   */
  read(contents: Iterable<string>): Map<string, Float32Array> {
    const found = new Map<string, Float32Array>();
    const wanted = new Set(contents);
    if (wanted.size === 0) return found;
    for (let isWhole = false; !isWhole; ) {
      this.#look();
      isWhole = true;
      for (const [file, held] of this.#blocks) {
        const rows = held.flatMap((content, row) => (wanted.has(content) ? row : []));
        if (rows.length === 0) continue;
        const vectors = this.#tryBlock(file, () => this.#readRows(file));
        isWhole &&= vectors !== undefined;
        for (const row of vectors ? rows : []) {
          found.set(held[row]!, rowOf(vectors!, row).slice());
          wanted.delete(held[row]!);
        }
      }
    }
    return found;
  }

  /**
   * Adds a block.
   * @param contents the hash of each row's source
   * @param vectors [n, F]
   * @returns its file
   */
  async add(contents: readonly string[], vectors: Vectors): Promise<string> {
    const file = `vectors.${digestOf(contents).slice(0, 16)}.safetensors`;
    const entry = { name: SHARD_TENSOR, shape: [vectors.count, vectors.length], data: vectors.data };
    await writeSafetensors(join(this.#folder, file), [entry], { contents: joinContents(contents) });
    this.#blocks.set(file, contents);
    return file;
  }

  /** Joins small blocks if there are many. A kill leaves both the joined block and those that it was made of. */
  async compact(): Promise<void> {
    this.#look();
    const small = [...this.#blocks].filter(([, contents]) => contents.length < SMALL_ROWS);
    if (small.length <= MOST_SMALL) return;
    const parts: Vectors[] = [];
    const [joined, files] = [[] as string[], [] as string[]];
    const seen = new Set<string>();
    for (const [file, contents] of small) {
      const vectors = this.#tryBlock(file, () => this.#readRows(file));
      if (!vectors) continue;
      const rows = contents.flatMap((content, row) => (seen.has(content) ? [] : row));
      for (const row of rows) joined.push(contents[row]!);
      for (const content of contents) seen.add(content);
      parts.push(pickRows(vectors, rows));
      files.push(file);
    }
    const all = joinRows(parts, parts[0]?.length ?? 0);
    const made: string[] = [];
    for (let start = 0; start < all.count; start += SMALL_ROWS) {
      const end = start + SMALL_ROWS;
      made.push(await this.add(joined.slice(start, end), sliceRows(all, start, end)));
    }
    for (const file of files) if (!made.includes(file)) this.#forget(file);
  }

  /** Reads the heads of blocks that are new, and forgets those that are gone: another process has joined them. */
  #look(): void {
    const files = existsSync(this.#folder)
      ? readdirSync(this.#folder).filter((name) => BLOCK_NAME.test(name))
      : [];
    const present = new Set(files);
    for (const file of this.#blocks.keys()) if (!present.has(file)) this.#blocks.delete(file);
    for (const file of files.sort()) {
      if (this.#blocks.has(file)) continue;
      const contents = this.#tryBlock(file, () => this.#readContents(file));
      if (contents) this.#blocks.set(file, contents);
    }
  }

  #readContents(file: string): string[] {
    const { metadata, tensors, close } = openSafetensors(join(this.#folder, file));
    close();
    const contents = splitContents(metadata.contents);
    if (contents?.length === tensors.get(SHARD_TENSOR)?.shape[0]) return contents!;
    throw new UserError(`${file} does not name the source of each row.`);
  }

  #readRows(file: string): Vectors {
    const block = openSafetensors(join(this.#folder, file));
    try {
      const [count, length] = block.tensors.get(SHARD_TENSOR)!.shape as [number, number];
      return { data: block.read(SHARD_TENSOR), count, length };
    } finally {
      block.close();
    }
  }

  /** Reads from a block; undefined if another process has just joined it to others, or if it was damaged. */
  #tryBlock<T>(file: string, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      const isThere = existsSync(join(this.#folder, file));
      if (isThere && !(error instanceof UserError)) throw error;
      if (isThere) notice(`${messageOf(error)} It is deleted, and its photos are embedded again.`);
      this.#forget(file);
      return undefined;
    }
  }

  #forget(file: string): void {
    this.#blocks.delete(file);
    rmSync(join(this.#folder, file), { force: true });
  }
}
