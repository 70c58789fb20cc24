// Photos as the index of a service: searched as soon as the first are embedded, read again on request.
import { basename } from "node:path";
import { messageOf } from "../common/errors";
import type { LeftOut } from "../common/files/image_folder";
import { pickLabels } from "../common/labels";
import { notice } from "../common/notice";
import type { OnProgress } from "../common/progress";
import type { Texts } from "../common/texts";
import { leftOutText } from "../datasets/own/left_out";
import type { SourceSettings } from "../datasets/own/own_images";
import type { Embedder } from "../embedding/embedder";
import { embedPhotos, type PhotosSoFar, type PhotoVectors } from "../features/embed_photos";
import { type ImageList, readImageList } from "../features/image_list";
import { photosHome, photosIdentity, verdictText } from "../finding/kept_verdict";
import type { Reduction } from "../retrieval/reduction";
import type { IndexKeeper, PhotoStatus } from "./index_keeper";
import type { IndexSource } from "./index_source";
import { indexState, type SearchChoice, type VerdictRequest } from "./index_state";
import type { LiveIndex } from "./live_index";
import { PhotoNumbers } from "./row_numbers";

/** What a `PhotoIndex` needs. */
export interface PhotoIndexConfig extends SearchChoice {
  embedder: Embedder;
  /** Absolute path of the photos: a folder, a table or a list. */
  source: string;
  /** How a folder or table is read, instead of a guess. */
  settings: SourceSettings | undefined;
  /** Base of the paths in a pipeline's table or a list. */
  dataDir: string;
  /** Names of the classes; default: those that the photos come with. */
  classNames: ReadonlyMap<number, string> | undefined;
  /** The command that makes a verdict of the photos. */
  command: string;
  onProgress?: OnProgress | undefined;
  /** Receives the lines about photos that were read; default: standard error. */
  say?: ((line: string) => void) | undefined;
}

/** The share of the time that making new rows searchable may take. */
const MOST_SHARE = 0.1;

/** Keeps an index in step with photos on disk. */
export class PhotoIndex implements IndexKeeper {
  readonly #config: PhotoIndexConfig;
  readonly #index: LiveIndex;
  readonly #numbers = new PhotoNumbers();
  readonly #stop = new AbortController();
  #status: PhotoStatus;
  #list: ImageList | undefined;
  #reading: Promise<void> | undefined;
  #isAskedAgain = false;

  /**
   * Lists the photos and begins to embed those that are new.
   * @throws UserError if there are none
   */
  static async open(config: PhotoIndexConfig, index: LiveIndex): Promise<PhotoIndex> {
    const list = await readImageList(config.source, config.dataDir, config.settings);
    const { say = notice } = config;
    for (const sentence of list.said ?? []) say(sentence);
    const photos = new PhotoIndex(config, index, list);
    photos.reload();
    return photos;
  }

  private constructor(config: PhotoIndexConfig, index: LiveIndex, list: ImageList) {
    this.#config = config;
    this.#index = index;
    this.#list = list;
    const { length: total } = list.rows.files;
    this.#status = { total, done: 0, busy: true, embedded: 0, leftOut: list.leftOut, problem: undefined };
  }

  get status(): PhotoStatus {
    return this.#status;
  }

  get whole(): Promise<void> {
    return this.#reading ?? Promise.resolve();
  }

  reload(): void {
    if (this.#reading) this.#isAskedAgain = true;
    else
      this.#reading = this.#readUntilDone().finally(() => {
        this.#reading = undefined;
      });
  }

  /** Stops embedding; what is embedded is kept. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#reading;
  }

  async #readUntilDone(): Promise<void> {
    do {
      this.#isAskedAgain = false;
      this.#status = { ...this.#status, busy: true };
      const problem = await this.#read().then(
        () => undefined,
        (error: unknown) => messageOf(error),
      );
      if (this.#stop.signal.aborted) return;
      this.#status = { ...this.#status, busy: false, problem };
      if (problem !== undefined) notice(`guie serve: ${problem}`);
    } while (this.#isAskedAgain);
  }

  async #read(): Promise<void> {
    const { embedder, source, dataDir, settings, onProgress } = this.#config;
    const list = this.#list ?? (await readImageList(source, dataDir, settings));
    this.#list = undefined;
    const { length: total } = list.rows.files;
    this.#status = { ...this.#status, total, done: 0, leftOut: list.leftOut };
    let [readyAtMs, costMs] = [performance.now(), 0];
    const onBlock = async (soFar: PhotosSoFar) => {
      const startedAtMs = performance.now();
      const isEarly = startedAtMs - readyAtMs < costMs / MOST_SHARE;
      if (isEarly || soFar.done === total || soFar.done < this.#leastRows) return;
      await this.#show(list, await soFar.read(), { whiten: false, approximate: false });
      readyAtMs = performance.now();
      costMs = readyAtMs - startedAtMs;
    };
    const count: OnProgress = (report) => {
      this.#status = { ...this.#status, done: report.done };
      onProgress?.(report);
    };
    const whole = await embedPhotos(embedder, list, {
      onProgress: count,
      onBlock,
      signal: this.#stop.signal,
    });
    const { embedded, skipped } = whole;
    await this.#show(list, whole, this.#config, { madeBy: embedder.madeBy, command: this.#config.command });
    const leftOut = [...list.leftOut, ...skipped];
    this.#status = { ...this.#status, done: total, embedded, leftOut };
    const { say = notice } = this.#config;
    say(readText(whole, leftOut, this.#index.state?.whitening));
    const { verdict } = this.#index.state ?? {};
    if (verdict) say(`guie serve: ${verdictText(verdict)}`);
  }

  /** The fewest rows that replace those of now before all photos are there: whole, whitened rows stay for longer. */
  get #leastRows(): number {
    const { count = 0, whitening } = this.#index.state ?? {};
    return (whitening ? 2 : 1) * count;
  }

  /** Makes photos searchable. */
  async #show(
    list: ImageList,
    photos: PhotoVectors,
    choice: SearchChoice,
    judged?: VerdictRequest,
  ): Promise<void> {
    if (photos.vectors.count === 0) return this.#index.replace(undefined);
    const numbers = this.#numbers.of(photos.files, photos.contents);
    const state = await indexState(this.#sourceOf(list, photos), choice, numbers, {
      onProgress: this.#config.onProgress,
      judged,
    });
    this.#index.replace(state);
  }

  #sourceOf({ folder, rows }: ImageList, { vectors, files, contents, places }: PhotoVectors): IndexSource {
    const { source, embedder, classNames } = this.#config;
    const { folds, columns } = rows;
    const texts = ([name, column]: [string, Texts]) =>
      [name, places.map((place) => column.at(place)!)] as const;
    return {
      name: basename(source),
      vectors,
      files,
      contents,
      folds: folds && places.map((place) => folds[place]!),
      columns: columns && new Map(Array.from(columns, texts)),
      imageFolder: folder,
      labels: rows.labels && pickLabels(rows.labels, places),
      classNames: classNames ?? new Map(rows.classNames?.entries()),
      features: { folder: photosHome(source), identity: photosIdentity(embedder.madeBy, contents) },
    };
  }
}

/** Returns the line about photos that were read: counts, how they are searched, and what is left out. */
function readText(
  { vectors, embedded }: PhotoVectors,
  leftOut: readonly LeftOut[],
  whitening: Reduction | undefined,
): string {
  const number = (value: number) => value.toLocaleString("en-US");
  const known = vectors.count - embedded;
  const parts = [
    `guie serve: ${number(vectors.count)} photos can be searched: ${number(embedded)} embedded now, ${number(known)} known`,
    ...(whitening ? ["whitened by their own vectors (--no-whiten: the model's own)"] : []),
    leftOutText(leftOut),
  ];
  return parts.filter(Boolean).join("; ");
}
