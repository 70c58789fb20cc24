// The work behind the routes: decode, embed and search, for many requests at once.
import { randomBytes } from "node:crypto";
import { contentOf } from "../common/files/fingerprint";
import { listRows, stackRows } from "../common/vectors";
import type { Embedder } from "../embedding/embedder";
import { Admission } from "./admission";
import type { ClientLimits, Service } from "./app";
import { Batcher, type BatchLimits } from "./batcher";
import type { DecodeThreads } from "./decode_threads";
import type { FoundRow, IndexRow } from "./found_row";
import { type IndexState, type RowFacts, searchVector } from "./index_state";
import type { LiveIndex } from "./live_index";
import type { PhotoIndex, PhotoStatus } from "./photo_index";
import { Refusal } from "./refusal";
import type { UploadLimits } from "./uploads";

/** The limits of a service. */
export interface ServiceSettings extends UploadLimits, BatchLimits, ClientLimits {
  run: string;
  host: string;
  maxUnderWay: number;
}

/** The parts of a service. */
export interface ServiceParts {
  embedder: Embedder;
  /** Length of the model's vectors. */
  length: number;
  /** Name of the index. */
  name: string;
  index: LiveIndex;
  /** The photos behind the index, if it is made of photos. */
  photos: PhotoIndex | undefined;
  threads: DecodeThreads;
}

/** Memory for request bodies, in multiples of the largest body. */
const LARGEST_BODIES = 8;
const THUMBNAIL_PX = 320;
const MEGABYTE = 1e6;
/** Searches are short: a batch forms while another one runs. */
const SEARCH_BATCH = { maxBatch: 32, maxWaitMs: 0 };

interface Query {
  /** A vector of the model with the hash of its image, or a row of the index. */
  of: { vector: Float32Array; content: string } | { row: number };
  k: number;
}

/** Joins the parts to a service. */
export function createService(settings: ServiceSettings, parts: ServiceParts): Service {
  const { embedder, index, photos, threads, length, name } = parts;
  const { maxBytes, maxPixels, maxImages, maxUnderWay, maxBatch, maxWaitMs, host, run } = settings;
  const { maxConnections, headMs, minBytesPerSecond, windowMs, trustHeader } = settings;
  const admission = new Admission({
    requests: maxUnderWay,
    bytes: LARGEST_BODIES * maxBytes,
    bodyBytes: maxBytes,
  });
  const embeddings = embeddingBatcher(embedder, { maxBatch, maxWaitMs });
  /** Part of image addresses: browsers cache images, and another start may have another index. */
  const version = randomBytes(4).toString("hex");
  const searches = searchBatcher(index, version);
  const startedAtMs = performance.now();

  /** Returns what a search gave, or throws why it gave nothing. */
  const search = async (of: Query["of"], k: number, gone?: AbortSignal) => {
    const found = await searches.add({ of, k }, gone);
    if (found) return found;
    throw "row" in of ? noRow(of.row) : notYet(photos?.status);
  };
  const embed = async (upload: Uint8Array, gone?: AbortSignal) =>
    embeddings.add(await threads.run({ upload }, gone), gone);
  return {
    admission,
    host,
    limits: { maxBytes, maxPixels, maxImages },
    clients: { maxConnections, headMs, minBytesPerSecond, windowMs, trustHeader },
    async search(image, k, gone) {
      const content = contentOf(image);
      return search({ vector: await embed(image, gone), content }, k, gone);
    },
    embed: (images, gone) => Promise.all(images.map((image) => embed(image, gone))),
    async similar(row, k, gone) {
      const found = await search({ row }, k + 1, gone);
      return found.filter((other) => other.row !== row).slice(0, k);
    },
    async image(row, gone) {
      const { state } = index;
      const position = state?.positionOf(row);
      if (!state || position === undefined) throw noRow(row);
      const [facts] = await state.rowsAt([position]);
      if (facts!.path === undefined) throw new Refusal(404, "the image is not on this machine");
      return threads.run({ path: facts!.path, longerSidePx: THUMBNAIL_PX }, gone);
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
    health() {
      const { state } = index;
      const { kind, recallAt5, recallQueries } = state?.searcher ?? NO_SEARCH;
      return {
        status: "ok",
        run,
        length,
        index: {
          name,
          images: state?.count ?? 0,
          labelled: state?.labelled ?? false,
          whitened: state?.whitening?.to ?? null,
          rerank: state?.methods ?? [],
          version,
          ...verdictHealth(state),
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

/** Returns what clients learn of the verdict: its promise, or why there is none. */
function verdictHealth(state: IndexState | undefined): Record<string, unknown> {
  const verdict = state?.verdict;
  if (!verdict) return { verdict: null };
  if (!("verdict" in verdict)) return { verdict: { lack: verdict.lack } };
  const { threshold, unknown } = verdict.verdict.report;
  return { verdict: { falseAccepts: threshold.rate, cosine: threshold.value, unknown } };
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
    leftOutFiles: leftOut.slice(0, MOST_LEFT_OUT),
    problem: problem === undefined ? null : "the photos cannot be read now: see the service's own output",
  };
}

function noRow(row: number): Refusal {
  return new Refusal(404, `there is no row ${row} in the index: its photo may have left it`);
}

function notYet(status: PhotoStatus | undefined): Refusal {
  if (status?.busy === false) return new Refusal(503, "none of the photos can be read");
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

/** Returns a batcher from pixels of the model's input size to unit vectors. */
function embeddingBatcher(embedder: Embedder, limits: BatchLimits): Batcher<Uint8Array, Float32Array> {
  const { imageSize: side } = embedder.config;
  return new Batcher(async (pixels) => {
    const embedded = await embedder.embedImages(pixels.map((data) => ({ data, width: side, height: side })));
    return listRows(embedded).map((row) => row.slice());
  }, limits);
}

/** Describes the rows that were found for a query, and tells which of them are the query itself. */
async function foundRows(
  state: IndexState,
  { of, k }: Query,
  found: Int32Array,
  cosines: Float32Array,
  version: string,
): Promise<FoundRow[]> {
  const positions = found.subarray(0, k);
  const own = "row" in of ? state.positionOf(of.row)! : undefined;
  const [self] = own === undefined ? [] : await state.rowsAt([own]);
  const content = "row" in of ? self!.content : of.content;
  const vector = "row" in of ? (await state.vectorAt(own!)).model : of.vector;
  const verdicts = state.judge?.(vector, positions);
  const facts = await state.rowsAt(positions);
  return describeRows(state, positions, facts, version).map((row, rank) => ({
    ...row,
    score: cosines[rank]!,
    isQuery: facts[rank]!.content === null ? null : facts[rank]!.content === content,
    verdict: verdicts?.[rank] ?? null,
  }));
}

/** Returns a batcher from queries to found rows; undefined if there are no rows, or not the row that is asked for. */
function searchBatcher(index: LiveIndex, version: string): Batcher<Query, FoundRow[] | undefined> {
  const search = async (queries: Query[], state: IndexState | undefined) => {
    const vectors = await Promise.all(queries.map(({ of }) => state && searchVector(state, of)));
    const asked = vectors.flatMap((vector, query) => (vector ? { vector, query } : []));
    const answers = new Array<FoundRow[] | undefined>(queries.length).fill(undefined);
    if (!state || asked.length === 0) return answers;
    const stacked = stackRows(
      asked.map(({ vector }) => vector),
      state.length,
    );
    const k = Math.max(...queries.map((query) => query.k));
    const { positions, cosines } = await state.searcher.index.search(stacked, k);
    await Promise.all(
      asked.map(async ({ query }, i) => {
        answers[query] = await foundRows(state, queries[query]!, positions[i]!, cosines[i]!, version);
      }),
    );
    return answers;
  };
  return new Batcher((queries) => index.use((state) => search(queries, state)), SEARCH_BATCH);
}
