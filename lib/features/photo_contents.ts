// The hashes of photos' bytes, noted with the file system's stamps: a photo whose stamp is the same is not read again.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { z } from "zod";
import { readJson, writeFileAtomically } from "../common/files/files";
import { fileContent, type SeenFile, seeFile } from "../common/files/fingerprint";

const NOTE = z.object({ stamp: z.string(), content: z.string() });
const NOTES = z.record(z.string(), NOTE);
type Note = z.infer<typeof NOTE>;
const NAME_LENGTH = 8;

/** The hashes of the photos of one folder. */
export class PhotoContents {
  readonly #path: string;
  readonly #folder: string;
  readonly #notes: Map<string, Note>;
  #isChanged = false;

  /**
   * @param home absolute folder of the notes
   * @param folder absolute folder of the photos
   */
  constructor(home: string, folder: string) {
    const key = createHash("sha256").update(folder).digest("hex").slice(0, NAME_LENGTH);
    this.#path = join(home, `${basename(folder)}-${key}.json`);
    this.#folder = folder;
    this.#notes = this.#read();
  }

  #read(): Map<string, Note> {
    const notes = existsSync(this.#path)
      ? readJson(this.#path, NOTES, "Delete it: it is written again.")
      : {};
    return new Map(Object.entries(notes));
  }

  /** Returns a photo's hash if its stamp tells; undefined if the photo must be read. */
  known(file: string, { stamp }: SeenFile): string | undefined {
    const note = this.#notes.get(file);
    return stamp !== "" && note?.stamp === stamp ? note.content : undefined;
  }

  /** Reads a photo and returns its hash; `NO_CONTENT` if it is not a readable file. @throws UnreachableFile */
  read(file: string): Promise<string> {
    return fileContent(resolve(this.#folder, file));
  }

  /** Notes a photo's hash. @param seen the photo's stamp before it was read */
  note(file: string, { stamp }: SeenFile, content: string): void {
    if (stamp === "" || this.#notes.get(file)?.stamp === stamp) return;
    this.#notes.set(file, { stamp, content });
    this.#isChanged = true;
  }

  /**
   * Writes the notes, with those that other processes have written since, and without those of photos that are gone. Of
   * two processes that write at the same moment one loses notes: their photos are read again.
   */
  async save(): Promise<void> {
    if (!this.#isChanged) return;
    for (const [file, note] of this.#read()) if (!this.#notes.has(file)) this.#notes.set(file, note);
    for (const file of this.#notes.keys())
      if (!(await seeFile(resolve(this.#folder, file)))) this.#notes.delete(file);
    writeFileAtomically(this.#path, JSON.stringify(Object.fromEntries(this.#notes)));
    this.#isChanged = false;
  }
}
