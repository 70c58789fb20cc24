// The hashes of photos' bytes, noted with the file system's stamps: a photo whose stamp is the same is not read again.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { z } from "zod";
import { readJson, writeFileAtomically } from "../common/files/files";
import { fileContent, type SeenFile, seeFile } from "../common/files/fingerprint";

const NOTES = z.record(z.string(), z.object({ stamp: z.string(), content: z.string() }));
const NAME_LENGTH = 8;

/** The hashes of the photos of one folder. */
export class PhotoContents {
  readonly #path: string;
  readonly #folder: string;
  readonly #notes: Map<string, { stamp: string; content: string }>;
  #isChanged = false;

  /**
   * @param home absolute folder of the notes
   * @param folder absolute folder of the photos
   */
  constructor(home: string, folder: string) {
    const key = createHash("sha256").update(folder).digest("hex").slice(0, NAME_LENGTH);
    this.#path = join(home, `${basename(folder)}-${key}.json`);
    this.#folder = folder;
    const notes = existsSync(this.#path)
      ? readJson(this.#path, NOTES, "Delete it: it is written again.")
      : {};
    this.#notes = new Map(Object.entries(notes));
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

  /** Writes the notes, without those of photos that are gone. */
  async save(): Promise<void> {
    if (!this.#isChanged) return;
    for (const file of this.#notes.keys())
      if (!(await seeFile(resolve(this.#folder, file)))) this.#notes.delete(file);
    writeFileAtomically(this.#path, JSON.stringify(Object.fromEntries(this.#notes)));
    this.#isChanged = false;
  }
}
