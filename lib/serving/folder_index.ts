// An index folder as the index of a service: read again on request, changed by requests with a token.
import { join } from "node:path";
import { messageOf, UserError } from "../common/errors";
import { writeFileAtomically } from "../common/files/files";
import { contentOf } from "../common/files/fingerprint";
import { notice } from "../common/notice";
import type { OnProgress } from "../common/progress";
import type { Embedder } from "../embedding/embedder";
import { verdictText } from "../finding/kept_verdict";
import { addToIndex } from "../index_folder/add";
import { UPLOADS } from "../index_folder/compact";
import { removeFromIndex } from "../index_folder/remove";
import { type IndexSnapshot, readSnapshot } from "../index_folder/snapshot";
import type { AddedImage } from "./edit_routes";
import type { IndexKeeper, PhotoStatus } from "./index_keeper";
import { type IndexSource, noticeChanged, sourceOfSnapshot } from "./index_source";
import { type IndexState, indexState, type SearchChoice, type VerdictRequest } from "./index_state";
import { Refusal } from "./limits/refusal";
import type { LiveIndex } from "./live_index";
import { PhotoNumbers } from "./row_numbers";

/** What a `FolderIndex` needs. */
export interface FolderIndexConfig extends SearchChoice {
  embedder: Embedder;
  /** The model as the user named it. */
  run: string | undefined;
  /** Absolute path of the index. */
  folder: string;
  /** Names of the classes; default: the index's own. */
  classNames: ReadonlyMap<number, string> | undefined;
  judged: VerdictRequest;
  onProgress?: OnProgress | undefined;
  /** Receives the lines about the index. */
  say: (line: string) => void;
}

/** Letters of the hash before the name of an uploaded image. */
const HASH_LETTERS = 16;

/** Follows an index folder, and changes it. Changes are made one after the other. */
export class FolderIndex implements IndexKeeper {
  readonly #config: FolderIndexConfig;
  readonly #index: LiveIndex;
  readonly #numbers = new PhotoNumbers();
  #snapshot: IndexSnapshot | undefined;
  /** The image of each row that is searched now. */
  #files: string[] = [];
  #problem: string | undefined;
  #embedded = 0;
  #under = 0;
  #last: Promise<void> = Promise.resolve();

  /** Reads the index. @throws UserError if there is none, or it is of another model */
  static async open(config: FolderIndexConfig, index: LiveIndex): Promise<FolderIndex> {
    const folder = new FolderIndex(config, index);
    await folder.#read();
    return folder;
  }

  private constructor(config: FolderIndexConfig, index: LiveIndex) {
    this.#config = config;
    this.#index = index;
  }

  get status(): PhotoStatus {
    const { count = 0 } = this.#snapshot?.vectors ?? {};
    const [busy, embedded, problem] = [this.#under > 0, this.#embedded, this.#problem];
    return { total: count, done: count, busy, embedded, leftOut: [], problem };
  }

  get whole(): Promise<void> {
    return this.#last;
  }

  reload(): void {
    this.#inTurn(() => this.#read()).catch((error: unknown) => {
      this.#problem = messageOf(error);
      notice(`guie serve: ${this.#problem}`);
    });
  }

  /**
   * Adds an image; a copy is kept in the index.
   * @returns the number of its row
   * @throws Refusal if it cannot be read, or another process changes the index
   */
  add({ bytes, name, className }: AddedImage): Promise<number> {
    return this.#inTurn(async () => {
      const folder = join(this.#config.folder, UPLOADS);
      const file = `${contentOf(bytes).slice(0, HASH_LETTERS)}_${name}`;
      const path = join(folder, file);
      const rows = {
        files: [file],
        ...(className === undefined ? {} : { labels: [0], classNames: [className] }),
      };
      const prepare = () => writeFileAtomically(path, bytes);
      const { skipped, added, replaced } = await this.#change(() =>
        addToIndex(this.#config.folder, { folder, rows, prepare }, this.#config.embedder),
      );
      if (skipped.length > 0) throw new Refusal(415, `the image cannot be read: ${skipped[0]!.reason}`);
      this.#embedded += added + replaced;
      await this.#read();
      const position = this.#files.findIndex((held) => held.endsWith(`/${UPLOADS}/${file}`));
      return this.#index.state!.numberAt(position);
    });
  }

  /**
   * Removes a row.
   * @returns number of rows that remain
   * @throws Refusal if there is no such row, or another process changes the index
   */
  remove(row: number): Promise<number> {
    return this.#inTurn(async () => {
      const { state } = this.#index;
      const position = state?.positionOf(row);
      if (!state || position === undefined) throw new Refusal(404, `there is no row ${row} in the index`);
      const files = [this.#files[position]!];
      const { features } = await this.#change(() => removeFromIndex(this.#config.folder, { files }));
      await this.#read();
      return features.count;
    });
  }

  async close(): Promise<void> {
    await this.#last;
  }

  /** Waits for the changes before. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.#under++;
    const done = this.#last.then(work).finally(() => this.#under--);
    this.#last = done.then(
      () => {},
      () => {},
    );
    return done;
  }

  /** Changes the index. Its messages name paths of this machine: clients get another one. */
  async #change<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      notice(`guie serve: ${error.message}`);
      throw new Refusal(409, "the index cannot be changed now: see the service's own output");
    }
  }

  async #read(): Promise<void> {
    const { folder, embedder, run, classNames } = this.#config;
    const snapshot = await readSnapshot(folder, this.#snapshot);
    this.#problem = undefined;
    if (snapshot === this.#snapshot) return;
    const source = sourceOfSnapshot(snapshot, embedder, { run, classNames });
    if (!this.#snapshot) await noticeChanged(snapshot.features, run);
    this.#index.replace(snapshot.vectors.count === 0 ? undefined : await this.#stateOf(source));
    this.#snapshot = snapshot;
  }

  async #stateOf(source: IndexSource): Promise<IndexState> {
    const { judged, onProgress, say } = this.#config;
    this.#files = Array.from(source.files);
    const numbers = this.#numbers.of(this.#files, source.contents ?? this.#files.map(() => ""));
    const state = await indexState(source, this.#config, numbers, { judged, onProgress });
    if (state.verdict && !this.#snapshot) say(`guie serve: ${verdictText(state.verdict)}`);
    return state;
  }
}
