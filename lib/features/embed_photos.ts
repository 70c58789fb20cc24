// Embeds photos, each once: vectors are kept by the photos' bytes and the model, so only new and changed photos cost
// anything. Shapes: N photos that could be read, F numbers per photo.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { writeJson } from "../common/files/files";
import { NO_CONTENT, type SeenFile } from "../common/files/fingerprint";
import { cacheFolder, keptFolder } from "../common/files/kept_folder";
import { checkInterrupt, withSignal } from "../common/interrupt";
import type { TaskOptions } from "../common/progress";
import { randomStream } from "../common/random";
import type { Texts } from "../common/texts";
import { rowOf, stackRows, type Vectors } from "../common/vectors";
import type { UnusableImage } from "../images/loading/pixel_loader";
import type { Views } from "../images/loading/views";
import type { MadeBy } from "./feature_files";
import type { EmbedShard } from "./feature_plan";
import { requireFinite } from "./feature_shards";
import { type FeatureSources, findPresent, weightsContent } from "./feature_sources";
import type { EmbedOptions, ViewOptions } from "./features";
import { PhotoContents } from "./photo_contents";
import { VectorStore } from "./vector_store";

/** A model that maps another one's vectors. */
export interface MappedVectors {
  /** The model whose vectors are kept, for itself and for others that map them. */
  base: PhotoEmbedder;
  /** Maps vectors [N, F] of the base. */
  map(vectors: Vectors): Promise<Vectors>;
}

/** What `embedPhotos` needs of a model; an `Embedder` has it. */
export interface PhotoEmbedder {
  readonly madeBy: MadeBy;
  /** For a model whose vectors are those of another one, mapped. */
  readonly mapped?: MappedVectors | undefined;
  embedShards(folder: string, options: EmbedOptions): Promise<EmbedShard>;
  sourcesOf(folder: string): FeatureSources;
}

/** Photos by path below a folder; an `ImageList` is one. */
export interface PhotoList {
  /** Absolute. */
  folder: string;
  rows: { files: Texts };
}

/** The vectors of photos, in the order of the list, without photos that cannot be read. */
export interface PhotoVectors {
  /** float32 [N, F]. */
  vectors: Vectors;
  /** The photo of each row, below the list's folder. */
  files: string[];
  /** The place of each row's photo in the list, ascending [N]. */
  places: number[];
  /** The hash of each photo's bytes [N]: equal ones are the same photo. */
  contents: string[];
  /** Number of photos that were embedded by this call; the vectors of the others were there, or are those of a copy. */
  embedded: number;
  /** Photos that cannot be read; the next call tries them again. */
  skipped: UnusableImage[];
}

/** The photos that are embedded so far. */
export interface PhotosSoFar {
  /** Number of photos that are embedded or skipped. */
  done: number;
  /** Number of photos in the list. */
  total: number;
  /** Returns the vectors so far. */
  read(): Promise<PhotoVectors>;
}

/** Options of `embedPhotos`. */
export interface EmbedPhotosOptions extends TaskOptions, ViewOptions {
  /** Called with the photos whose vectors are there at the start, then after each block of new ones; awaited. */
  onBlock?: ((soFar: PhotosSoFar) => void | Promise<void>) | undefined;
}

/** Photos in the first block, so that a search can begin soon; each further block is twice as large, up to the largest. */
const [FIRST_BLOCK, LARGEST_BLOCK] = [32, 256];
const SAVE_NOTES_MS = 10_000;
const KEY_LENGTH = 16;

/**
 * Returns the vectors of photos. Vectors are kept in `.cache/vectors/` by the hash of the photos' bytes and the model:
 * moved, renamed and copied photos are not embedded again, changed ones are. New photos are embedded in blocks, in an
 * order that is spread over the whole list; after a kill the next call goes on after the last finished block. Several
 * processes may embed the same photos at once. Of a model that maps another one's vectors, those of the other are kept:
 * photos that the backbone has embedded are not embedded again for a model that was fitted to its vectors.
 * @throws UserError if a vector is not finite
 * @throws UnreachableFile if a disk or share keeps photos from being read
 * @throws Interrupted once the signal is aborted
 */
export async function embedPhotos(
  embedder: PhotoEmbedder,
  list: PhotoList,
  { signal, ...options }: EmbedPhotosOptions = {},
): Promise<PhotoVectors> {
  if (embedder.mapped) return embedMapped(embedder.mapped, list, { signal, ...options });
  return withSignal(signal, async () => {
    const work = await PhotoWork.begin(embedder, list, options.views);
    try {
      await work.run(options);
    } finally {
      await work.contents.save();
    }
    return work.read();
  });
}

/** Embeds photos by a model that maps another one's vectors. */
async function embedMapped(
  { base, map }: MappedVectors,
  list: PhotoList,
  { onBlock, ...options }: EmbedPhotosOptions,
): Promise<PhotoVectors> {
  const mapped = async (photos: PhotoVectors): Promise<PhotoVectors> =>
    photos.vectors.count === 0 ? photos : { ...photos, vectors: await map(photos.vectors) };
  const onMapped = (soFar: PhotosSoFar) =>
    onBlock?.({ ...soFar, read: async () => mapped(await soFar.read()) });
  return mapped(await embedPhotos(base, list, { ...options, onBlock: onBlock && onMapped }));
}

/** Returns the folder in which the vectors of a model are kept, of each kind of views apart. */
async function openStore(embedder: PhotoEmbedder, folder: string, views: Views): Promise<VectorStore> {
  const weights = await weightsContent(embedder.sourcesOf(folder));
  const model = {
    ...embedder.madeBy,
    views,
    ...(weights === undefined ? {} : { weightsContent: weights }),
  };
  const key = createHash("sha256").update(JSON.stringify(model)).digest("hex").slice(0, KEY_LENGTH);
  const home = keptFolder(cacheFolder(), "vectors", key);
  const store = new VectorStore(home);
  const note = join(home, "model.json");
  if (!existsSync(note)) writeJson(note, model);
  return store;
}

/** Photos on their way to their vectors. A photo is known by its place in the list. */
class PhotoWork {
  readonly contents: PhotoContents;
  readonly #embedder: PhotoEmbedder;
  readonly #views: Views;
  readonly #store: VectorStore;
  readonly #folder: string;
  readonly #files: readonly string[];
  readonly #seen: readonly (SeenFile | undefined)[];
  /** The vector of each content. */
  readonly #vectors = new Map<string, Float32Array>();
  /** The content of each settled photo; undefined: not settled, or skipped. */
  readonly #contentAt: (string | undefined)[];
  readonly #reasonAt = new Map<number, string>();
  #embedded = 0;
  #done = 0;

  static async begin(
    embedder: PhotoEmbedder,
    { folder, rows }: PhotoList,
    views: Views = "whole",
  ): Promise<PhotoWork> {
    const files = Array.from(rows.files);
    const { seen } = await findPresent({ folder }, files, []);
    return new PhotoWork(
      embedder,
      views,
      await openStore(embedder, folder, views),
      folder,
      files,
      seen.images,
    );
  }

  private constructor(
    embedder: PhotoEmbedder,
    views: Views,
    store: VectorStore,
    folder: string,
    files: readonly string[],
    seen: readonly (SeenFile | undefined)[],
  ) {
    this.#embedder = embedder;
    this.#views = views;
    this.#store = store;
    this.#folder = folder;
    this.#files = files;
    this.#seen = seen;
    this.#contentAt = new Array<undefined>(files.length).fill(undefined);
    this.contents = new PhotoContents(keptFolder(cacheFolder(), "vectors", "photos"), folder);
  }

  async run({ onProgress, onBlock }: Pick<EmbedPhotosOptions, "onProgress" | "onBlock">): Promise<void> {
    const total = this.#files.length;
    const hashes = new Map<number, string>();
    for (const [place, seen] of this.#seen.entries()) {
      if (!seen) this.#skip(place, "missing file");
      const known = seen && this.contents.known(this.#files[place]!, seen);
      if (known !== undefined) hashes.set(place, known);
    }
    this.#settleKept(hashes);
    const open = Array.from(this.#files.keys()).filter((place) => !this.#isSettled(place));
    let queue = randomStream(0, "order of photos").shuffle(open);
    const soFar = () => ({ done: this.#done, total, read: async () => this.read() });
    if (this.#done > 0 || queue.length === 0) await onBlock?.(soFar());
    let embed: EmbedShard | undefined;
    let savedAtMs = performance.now();
    for (let size = FIRST_BLOCK; queue.length > 0; size = Math.min(LARGEST_BLOCK, 2 * size)) {
      const block = queue.slice(0, size);
      const rest = queue.slice(size);
      for (const place of block)
        if (!hashes.has(place)) hashes.set(place, await this.contents.read(this.#files[place]!));
      this.#settleKept(new Map(block.map((place) => [place, hashes.get(place)!])));
      const fresh = this.#firstOfEach(block, hashes);
      if (fresh.length > 0) {
        const begun = { views: this.#views, stage: "photos", total, onProgress };
        embed ??= await this.#embedder.embedShards(this.#folder, begun);
        await this.#embed(fresh, hashes, embed);
        this.#settleCopies(block, hashes);
      }
      queue = [...block.filter((place) => !this.#isSettled(place)), ...rest];
      if (performance.now() - savedAtMs > SAVE_NOTES_MS) {
        await this.contents.save();
        savedAtMs = performance.now();
      }
      await onBlock?.(soFar());
      await checkInterrupt();
    }
    await this.#store.compact();
  }

  /** Returns what is there so far, in the order of the list. */
  read(): PhotoVectors {
    const places = Array.from(this.#files.keys()).filter((place) => this.#contentAt[place] !== undefined);
    const contents = places.map((place) => this.#contentAt[place]!);
    const rows = contents.map((content) => this.#vectors.get(content)!);
    return {
      vectors: stackRows(rows, rows[0]?.length ?? 0),
      files: places.map((place) => this.#files[place]!),
      places,
      contents,
      embedded: this.#embedded,
      skipped: [...this.#reasonAt]
        .sort(([a], [b]) => a - b)
        .map(([place, reason]) => ({ file: this.#files[place]!, reason })),
    };
  }

  #isSettled(place: number): boolean {
    return this.#contentAt[place] !== undefined || this.#reasonAt.has(place);
  }

  #settle(place: number, content: string): void {
    this.#contentAt[place] = content;
    this.contents.note(this.#files[place]!, this.#seen[place]!, content);
    this.#done++;
  }

  #skip(place: number, reason: string): void {
    this.#reasonAt.set(place, reason);
    this.#done++;
  }

  /** Settles the photos whose vectors are kept on disk. @param hashes by place */
  #settleKept(hashes: ReadonlyMap<number, string>): void {
    const missing = [...hashes.values()].filter((content) => !this.#vectors.has(content));
    for (const [content, vector] of this.#store.read(missing)) this.#vectors.set(content, vector);
    for (const [place, content] of hashes)
      if (!this.#isSettled(place) && this.#vectors.has(content)) this.#settle(place, content);
  }

  /** Returns the open photos of a block without copies of each other. */
  #firstOfEach(block: readonly number[], hashes: ReadonlyMap<number, string>): number[] {
    const taken = new Set<string>();
    return block.filter((place) => {
      const content = hashes.get(place)!;
      if (this.#isSettled(place) || taken.has(content)) return false;
      if (content !== NO_CONTENT) taken.add(content);
      return true;
    });
  }

  /** Embeds photos and keeps their vectors; a photo counts by the bytes that the embedder has read. */
  async #embed(places: readonly number[], hashes: Map<number, string>, embed: EmbedShard): Promise<void> {
    const files = places.map((place) => this.#files[place]!);
    const { vectors, skipped, contents } = await embed(files, this.#done);
    if (contents?.length !== files.length) throw new Error("An embedder returned no hashes of the photos.");
    requireFinite(vectors, files, skipped);
    const reasons = new Map(skipped.map(({ file, reason }) => [file, reason]));
    const made: string[] = [];
    for (const [i, place] of places.entries()) {
      hashes.set(place, contents[i]!);
      const reason = reasons.get(files[i]!);
      if (reason !== undefined) {
        this.#skip(place, reason);
        continue;
      }
      this.#vectors.set(contents[i]!, rowOf(vectors, made.length));
      made.push(contents[i]!);
      this.#settle(place, contents[i]!);
    }
    this.#embedded += made.length;
    if (made.length > 0) await this.#store.add(made, vectors);
  }

  /** Settles copies of photos that were embedded or skipped in the same block. */
  #settleCopies(block: readonly number[], hashes: ReadonlyMap<number, string>): void {
    const reasons = new Map<string, string>();
    for (const place of block) {
      const reason = this.#reasonAt.get(place);
      if (reason !== undefined) reasons.set(hashes.get(place)!, reason);
    }
    for (const place of block) {
      if (this.#isSettled(place)) continue;
      const content = hashes.get(place)!;
      const reason = reasons.get(content);
      if (this.#vectors.has(content)) this.#settle(place, content);
      else if (reason !== undefined) this.#skip(place, reason);
    }
  }
}
