// The work behind the routes: decode, embed and search, for many requests at once.
import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { listRows, rowOf, stackRows } from "../common/vectors";
import type { Embedder } from "../embedding/embedder";
import { Admission } from "./admission";
import type { ClientLimits, Service } from "./app";
import { Batcher, type BatchLimits } from "./batcher";
import type { DecodeThreads } from "./decode_threads";
import type { FoundRow } from "./found_row";
import type { IndexSource } from "./index_source";
import { Refusal } from "./refusal";
import type { Searcher } from "./searcher";
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
  source: IndexSource;
  searcher: Searcher;
  threads: DecodeThreads;
}

/** Memory for request bodies, in multiples of the largest body. */
const LARGEST_BODIES = 8;
const THUMBNAIL_PX = 320;
const MEGABYTE = 1e6;
/** Searches are short: a batch forms while another one runs. */
const SEARCH_BATCH = { maxBatch: 32, maxWaitMs: 0 };

interface Query {
  vector: Float32Array;
  k: number;
}

interface Found {
  positions: Int32Array;
  cosines: Float32Array;
}

/** Joins the parts to a service. */
export function createService(settings: ServiceSettings, parts: ServiceParts): Service {
  const { embedder, source, searcher, threads } = parts;
  const { maxBytes, maxPixels, maxImages, maxUnderWay, maxBatch, maxWaitMs, host, run } = settings;
  const { files, labels, classNames, vectors, imageFolder } = source;
  const { maxConnections, headMs, minBytesPerSecond, windowMs, trustHeader } = settings;
  const admission = new Admission({
    requests: maxUnderWay,
    bytes: LARGEST_BODIES * maxBytes,
    bodyBytes: maxBytes,
  });
  const embeddings = embeddingBatcher(embedder, { maxBatch, maxWaitMs });
  const searches = searchBatcher(searcher);
  const startedAtMs = performance.now();
  /** Part of image addresses: browsers cache images, and another start may have another index. */
  const version = randomBytes(4).toString("hex");

  const describe = (row: number, score: number): FoundRow => {
    const label = labels?.[row] ?? null;
    const name = label === null ? null : (classNames.get(label) ?? null);
    return { row, score, label, name, file: files.at(row)!, image: `/image/${row}?v=${version}` };
  };
  const requireRow = (row: number) => {
    if (row >= vectors.count)
      throw new Refusal(404, `there is no row ${row}: the index has ${vectors.count}`);
  };
  const search: Service["search"] = async (vector, k, gone) => {
    const { positions, cosines } = await searches.add({ vector, k }, gone);
    return Array.from(positions, (row, rank) => describe(row, cosines[rank]!));
  };
  return {
    admission,
    host,
    search,
    limits: { maxBytes, maxPixels, maxImages },
    clients: { maxConnections, headMs, minBytesPerSecond, windowMs, trustHeader },
    async embed(images, gone) {
      const vectorOf = async (upload: Uint8Array) =>
        embeddings.add(await threads.run({ upload }, gone), gone);
      return Promise.all(images.map(vectorOf));
    },
    async similar(row, k, gone) {
      requireRow(row);
      const found = await search(rowOf(vectors, row).slice(), k + 1, gone);
      return found.filter((other) => other.row !== row).slice(0, k);
    },
    async image(row, gone) {
      requireRow(row);
      return threads.run({ path: resolve(imageFolder, files.at(row)!), longerSidePx: THUMBNAIL_PX }, gone);
    },
    health: () => ({
      status: "ok",
      run,
      length: vectors.length,
      index: { name: source.name, images: vectors.count, labelled: labels !== undefined, version },
      search: { kind: searcher.kind, recallAt5: searcher.recallAt5, recallQueries: searcher.recallQueries },
      limits: { maxBytes, maxPixels, maxImages, maxUnderWay, maxBatch, maxWaitMs },
      load: {
        ...admission.load,
        images: embeddings.counts.items,
        passes: embeddings.counts.passes,
        decoding: threads.load,
      },
      residentMB: Math.round(process.memoryUsage.rss() / MEGABYTE),
      uptimeSeconds: Math.round((performance.now() - startedAtMs) / 1000),
    }),
    async close() {
      await Promise.all([embeddings.close(), searches.close()]);
    },
  };
}

/** Returns a batcher from pixels of the model's input size to unit vectors. */
function embeddingBatcher(embedder: Embedder, limits: BatchLimits): Batcher<Uint8Array, Float32Array> {
  const { imageSize: side } = embedder.config;
  return new Batcher(async (pixels) => {
    const embedded = await embedder.embedImages(pixels.map((data) => ({ data, width: side, height: side })));
    return listRows(embedded).map((row) => row.slice());
  }, limits);
}

function searchBatcher({ index }: Searcher): Batcher<Query, Found> {
  return new Batcher(async (queries) => {
    const vectors = stackRows(
      queries.map(({ vector }) => vector),
      index.length,
    );
    const k = Math.max(...queries.map((query) => query.k));
    const { positions, cosines } = await index.search(vectors, k);
    return queries.map((query, i) => ({
      positions: positions[i]!.subarray(0, query.k),
      cosines: cosines[i]!.subarray(0, query.k),
    }));
  }, SEARCH_BATCH);
}
