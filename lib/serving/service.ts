// The work behind the routes: decode, embed and search, for many requests at once.
import { randomBytes } from "node:crypto";
import { contentOf } from "../common/files/fingerprint";
import { grouped } from "../common/grouped";
import { listRows, pickRows, stackRows } from "../common/vectors";
import type { Embedder } from "../embedding/embedder";
import { planViews, type Views } from "../images/loading/views";
import type { Condition } from "../index_folder/where";
import { meanRow } from "../retrieval/search_blocks";
import type { ClientLimits, Service } from "./app";
import { Batcher, type BatchLimits } from "./batcher";
import type { DecodeJob } from "./decode_thread";
import type { DecodeThreads } from "./decode_threads";
import { filtersOf } from "./filtered_search";
import type { FolderIndex } from "./folder_index";
import type { FoundRow, IndexRow } from "./found_row";
import type { ImagePart } from "./image_part";
import type { IndexKeeper, PhotoStatus } from "./index_keeper";
import { type IndexState, indexHealth, type RowFacts, searchVector, shownPath } from "./index_state";
import { Admission } from "./limits/admission";
import { Refusal } from "./limits/refusal";
import type { LiveIndex } from "./live_index";
import type { SearchRequest } from "./requests";
import type { UploadLimits } from "./uploads";

/** The limits of a service. */
export interface ServiceSettings extends UploadLimits, BatchLimits, ClientLimits {
  run: string;
  host: string;
  maxUnderWay: number;
  /** Views of each image that is embedded. */
  views: Views;
  /** Secret word with which clients may change the index; undefined: nobody may. */
  editToken?: string | undefined;
}

/** The parts of a service. */
export interface ServiceParts {
  embedder: Embedder;
  /** Length of the model's vectors. */
  length: number;
  /** Name of the index. */
  name: string;
  index: LiveIndex;
  /** What keeps the index in step with the disk; undefined for one that does not change. */
  photos: IndexKeeper | undefined;
  /** The index folder that requests may change. */
  edits?: FolderIndex | undefined;
  threads: DecodeThreads;
}

/** Memory for request bodies, in multiples of the largest body. */
const LARGEST_BODIES = 8;
const THUMBNAIL_PX = 320;
const MEGABYTE = 1e6;
/** Searches are short: a batch forms while another one runs. */
const SEARCH_BATCH = { maxBatch: 32, maxWaitMs: 0 };

interface Query {
  /** A vector of the model with the hash of each of its images, where known; or a row of the index. */
  of: { vector: Float32Array; contents: readonly (string | null)[] } | { row: number };
  k: number;
  /** Conditions that the found rows meet. */
  where: readonly Condition[];
}

/** Joins the parts to a service. */
export function createService(settings: ServiceSettings, parts: ServiceParts): Service {
  const { embedder, index, photos, edits, threads, length, name } = parts;
  const { maxBytes, maxPixels, maxImages, maxUnderWay, maxBatch, maxWaitMs, host, run, views } = settings;
  const { maxConnections, headMs, minBytesPerSecond, windowMs, trustHeader } = settings;
  const admission = new Admission({
    requests: maxUnderWay,
    bytes: LARGEST_BODIES * maxBytes,
    bodyBytes: maxBytes,
  });
  const embeddings = embeddingBatcher(embedder, views, { maxBatch, maxWaitMs });
  /** Part of image addresses: browsers cache images, and another start may have another index. */
  const version = randomBytes(4).toString("hex");
  const searches = searchBatcher(index, version, views);
  const startedAtMs = performance.now();

  /** Returns what a search gave, or throws why it gave nothing. */
  const search = async (of: Query["of"], { k, where }: SearchRequest, gone?: AbortSignal) => {
    const { state } = index;
    if (state && where.length > 0) filtersOf(state).requireColumns(where);
    const found = await searches.add({ of, k, where }, gone);
    if (found) return found;
    throw "row" in of ? noRow(of.row) : notYet(photos?.status);
  };
  const embed = async (job: DecodeJob, gone?: AbortSignal) =>
    embeddings.add(await threads.run(job, gone), gone);
  /** Returns what is known of a row. @throws Refusal if there is no such row */
  const factsOf = async (row: number): Promise<RowFacts> => {
    const { state } = index;
    const position = state?.positionOf(row);
    if (!state || position === undefined) throw noRow(row);
    return (await state.rowsAt([position]))[0]!;
  };
  const partOf = async (row: number, part: ImagePart, gone?: AbortSignal): Promise<Query["of"]> => {
    const { path, content } = await factsOf(row);
    return { vector: await embed({ path: onThisMachine(path), part }, gone), contents: [content] };
  };
  return {
    admission,
    host,
    limits: { maxBytes, maxPixels, maxImages },
    clients: { maxConnections, headMs, minBytesPerSecond, windowMs, trustHeader },
    async search(images, { parts, ...request }, gone) {
      const contents = images.map(contentOf);
      const embedOne = (upload: Uint8Array, i: number) => embed({ upload, part: parts?.[i] }, gone);
      const vectors = await Promise.all(images.map(embedOne));
      return search({ vector: meanVector(vectors), contents }, request, gone);
    },
    embed: (images, gone) => Promise.all(images.map((upload) => embed({ upload }, gone))),
    async similar(row, { k, where, parts }, gone) {
      const of = parts ? await partOf(row, parts[0]!, gone) : { row };
      const found = await search(of, { k: k + 1, where }, gone);
      return found.filter((other) => other.row !== row).slice(0, k);
    },
    async image(row, gone) {
      const { path } = await factsOf(row);
      return threads.run({ path: onThisMachine(path), longerSidePx: THUMBNAIL_PX }, gone);
    },
    async samples(count) {
      const { state } = index;
      if (!state) return [];
      const some = Math.min(count, state.count);
      const positions = Array.from({ length: some }, (_, i) => Math.floor((i * state.count) / some));
      return describeRows(state, positions, await state.rowsAt(positions), version);
    },
    reload() {
      if (!photos)
        throw new Refusal(409, "this index does not change: start the service again to read it again");
      photos.reload();
      return photosOf(photos.status);
    },
    edits: edits && {
      token: settings.editToken,
      async add({ bytes, ...image }, gone) {
        await threads.run({ upload: bytes.slice() }, gone); // refuses what the limits refuse
        const row = await edits.add({ bytes, ...image });
        const state = index.state!;
        const positions = [state.positionOf(row)!];
        return describeRows(state, positions, await state.rowsAt(positions), version)[0]!;
      },
      remove: (row) => edits.remove(row),
    },
    health() {
      const { state } = index;
      const { kind, recallAt5, recallQueries } = state?.searcher ?? NO_SEARCH;
      return {
        status: "ok",
        run,
        length,
        views,
        index: {
          name,
          ...indexHealth(state),
          version,
          photos: photos ? photosOf(photos.status) : null,
        },
        search: { kind, recallAt5, recallQueries },
        limits: { maxBytes, maxPixels, maxImages, maxUnderWay, maxBatch, maxWaitMs },
        load: {
          ...admission.load,
          images: embeddings.counts.items,
          passes: embeddings.counts.passes,
          decoding: threads.load,
        },
        residentMB: Math.round(process.memoryUsage.rss() / MEGABYTE),
        uptimeSeconds: Math.round((performance.now() - startedAtMs) / 1000),
      };
    },
    async close() {
      await Promise.all([embeddings.close(), searches.close()]);
    },
  };
}

/** The search before the first rows are there. */
const NO_SEARCH = { kind: "exact", recallAt5: 1, recallQueries: 0 };
/** Files that are left out, in an answer. */
const MOST_LEFT_OUT = 100;

/** Returns the state of the photos for clients, who do not see paths of this machine. */
function photosOf({ leftOut, problem, ...counts }: PhotoStatus): Record<string, unknown> {
  return {
    ...counts,
    leftOut: leftOut.length,
    leftOutFiles: leftOut.slice(0, MOST_LEFT_OUT).map((left) => ({ ...left, file: shownPath(left.file) })),
    problem: problem === undefined ? null : "the photos cannot be read now: see the service's own output",
  };
}

function noRow(row: number): Refusal {
  return new Refusal(404, `there is no row ${row} in the index: its photo may have left it`);
}

function notYet(status: PhotoStatus | undefined): Refusal {
  if (status?.busy === false)
    return new Refusal(503, status.total === 0 ? "the index is empty" : "none of the photos can be read");
  return new Refusal(503, "the first photos are being embedded: try again in a moment", {
    retryAfterSeconds: 1,
  });
}

function describeRows(
  { numberAt }: Pick<IndexState, "numberAt">,
  positions: ArrayLike<number>,
  facts: readonly RowFacts[],
  version: string,
): IndexRow[] {
  return facts.map(({ label, name, file }, i) => {
    const row = numberAt(positions[i]!);
    return { row, label, name, file, image: `/image/${row}?v=${version}` };
  });
}

/** Returns a path of an image. @throws Refusal if the image is not on this machine */
function onThisMachine(path: string | undefined): string {
  if (path !== undefined) return path;
  throw new Refusal(404, "the image is not on this machine");
}

/** Returns the mean of a model's vectors [F]: unlike a direction it can be whitened. @throws Refusal if it is zero */
function meanVector(vectors: readonly Float32Array[]): Float32Array {
  if (vectors.length === 1) return vectors[0]!;
  const [{ length }] = vectors as [Float32Array];
  const mean = meanRow(stackRows(vectors, length).data, length);
  if (mean.some((value) => value !== 0)) return mean;
  throw new Refusal(422, "the images' vectors cancel each other: search with each of them alone");
}

/** Returns a batcher from the squares of decoded images to the model's vectors; a pass takes `maxBatch` views. */
function embeddingBatcher(
  embedder: Embedder,
  views: Views,
  { maxBatch, maxWaitMs }: BatchLimits,
): Batcher<Uint8Array, Float32Array> {
  const { decodedSizePx: side, parts } = planViews(views, embedder.config.imageSize);
  const most = Math.max(1, Math.floor(maxBatch / parts.length));
  return new Batcher(
    async (pixels) => {
      const images = pixels.map((data) => ({ data, width: side, height: side }));
      const embedded = await embedder.embedImages(images, views);
      return listRows(embedded).map((row) => row.slice());
    },
    { maxBatch: most, maxWaitMs },
  );
}

/** Describes the rows that were found for a query, and tells which of them are the query itself. */
async function foundRows(
  state: IndexState,
  { of, k }: Query,
  found: Int32Array,
  cosines: Float32Array,
  { version, views }: { version: string; views: Views },
): Promise<FoundRow[]> {
  const positions = found.subarray(0, k);
  const own = "row" in of ? state.positionOf(of.row)! : undefined;
  const [self] = own === undefined ? [] : await state.rowsAt([own]);
  const asked = "row" in of ? [self!.content] : of.contents;
  const vector = "row" in of ? (await state.vectorAt(own!)).model : of.vector;
  // The rate of false accepts was measured with queries of one whole image.
  const isMeasured = "row" in of || (asked.length === 1 && views === "whole");
  const verdicts = isMeasured ? state.judge?.(vector, positions) : undefined;
  const facts = await state.rowsAt(positions);
  return describeRows(state, positions, facts, version).map((row, rank) => ({
    ...row,
    score: cosines[rank]!,
    isQuery: facts[rank]!.content === null ? null : asked.includes(facts[rank]!.content),
    verdict: verdicts?.[rank] ?? null,
  }));
}

/** Returns a batcher from queries to found rows; undefined if there are no rows, or not the row that is asked for. */
function searchBatcher(
  index: LiveIndex,
  version: string,
  views: Views,
): Batcher<Query, FoundRow[] | undefined> {
  const search = async (queries: Query[], state: IndexState | undefined) => {
    const vectors = await Promise.all(queries.map(({ of }) => state && searchVector(state, of)));
    const asked = vectors.flatMap((vector, query) => (vector ? { vector, query } : []));
    const answers = new Array<FoundRow[] | undefined>(queries.length).fill(undefined);
    if (!state || asked.length === 0) return answers;
    const stacked = stackRows(
      asked.map(({ vector }) => vector),
      state.length,
    );
    const filters = grouped(asked.keys(), (i) => JSON.stringify(queries[asked[i]!.query]!.where));
    for (const places of filters.values()) {
      const { where } = queries[asked[places[0]!]!.query]!;
      const k = Math.max(...places.map((i) => queries[asked[i]!.query]!.k));
      const rows = pickRows(stacked, places);
      const { positions, cosines } = await (where.length === 0
        ? state.searcher.index.search(rows, k)
        : filtersOf(state).search(where, rows, k));
      for (const [at, i] of places.entries()) {
        const { query } = asked[i]!;
        answers[query] = await foundRows(state, queries[query]!, positions[at]!, cosines[at]!, {
          version,
          views,
        });
      }
    }
    return answers;
  };
  return new Batcher((queries) => index.use((state) => search(queries, state)), SEARCH_BATCH);
}
