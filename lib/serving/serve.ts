// The start of a service on this machine: vectors of images, and a search by image over an index.
import { type AddressInfo, isIP } from "node:net";
import { basename } from "node:path";
import type { FastifyInstance } from "fastify";
import { messageOf, UserError } from "../common/errors";
import { notice } from "../common/notice";
import type { OnProgress } from "../common/progress";
import { dataFolder } from "../config/paths";
import { preset } from "../config/presets";
import { sourcePath } from "../datasets/own/read_own_images";
import type { Embedder } from "../embedding/embedder";
import { type FoundModel, findModel, openModel } from "../embedding/find_model";
import { heldStream } from "../engine/native/native_stderr";
import { openFeatures } from "../features/feature_files";
import { judgeCommand, verdictText } from "../finding/kept_verdict";
import { jpegDecoder } from "../images/jpeg/decoder";
import { planViews, type Views } from "../images/loading/views";
import type { RgbImage } from "../images/pixels/rgb_image";
import { openIndexModel } from "../index_folder/index_model";
import { isIndexFolder } from "../index_folder/index_photos";
import type { CodeBits } from "../retrieval/coded/levels";
import type { RerankName } from "../retrieval/reranking/methods";
import { type ClientLimits, serviceApp } from "./app";
import type { BatchLimits } from "./batcher";
import { DecodeThreads } from "./decode_threads";
import { FolderIndex } from "./folder_index";
import type { IndexKeeper } from "./index_keeper";
import { type IndexRequest, isOfPhotos, openIndexSource, requireClassNames } from "./index_source";
import { indexState } from "./index_state";
import { drain } from "./limits/drain";
import { LiveIndex } from "./live_index";
import { PhotoIndex } from "./photo_index";
import { createService } from "./service";
import { openStored } from "./stored_state";
import type { UploadLimits } from "./uploads";

/** Model, index, address and limits of a service. */
export interface ServeOptions
  extends IndexRequest,
    Partial<UploadLimits>,
    Partial<BatchLimits>,
    Partial<ClientLimits> {
  /** Preset of the default backbone (default: demo). */
  configName?: string;
  /** Address to listen on (default: 127.0.0.1). */
  host?: string;
  /** Port; 0: a free one. */
  port?: number;
  /** Search a graph of the rows instead of all rows: for millions of rows. */
  approximate?: boolean;
  /**
   * Bits of a code per number of a row: codes are searched in memory, the best rows are read from disk. For a folder of
   * features, as it is at the start. Default: the rows are kept in memory.
   */
  codeBits?: CodeBits | undefined;
  /**
   * Whiten the index by its own vectors, and the queries with them. Default: yes for photos that a backbone embeds, if
   * there are enough of them; no for a run's vectors, for features and for held-out classes.
   */
  whiten?: boolean | undefined;
  /** Methods for better neighbours from the same vectors (docs/how_to/reranking.md). Default: none. */
  rerank?: readonly RerankName[] | undefined;
  /** Views of each image that is embedded, whose features are averaged; the index's rows stay as they are. Default: whole. */
  views?: Views | undefined;
  /**
   * Secret word with which clients may change the index, a folder of features: at least 16 letters. Default: nobody may.
   */
  editToken?: string | undefined;
  /** Most uploads under way; more are refused. */
  maxUnderWay?: number;
  /** Time limit for decoding an image. */
  maxDecodeMs?: number;
  /** Longest wait for requests under way when the service ends. */
  drainMs?: number;
  onProgress?: OnProgress | undefined;
  /** Receives the lines about photos that were read; default: standard error. */
  say?: ((line: string) => void) | undefined;
}

/** A running service. */
export interface RunningService {
  /** Address: http://127.0.0.1:PORT */
  url: string;
  /** Returns the answer of GET /health. */
  health(): Record<string, unknown>;
  /** Fulfilled when all photos that are known now can be searched; searches before answer with those that are there. */
  readonly whole: Promise<void>;
  /** Stops taking requests, finishes those under way within `drainMs`, drops the rest, and frees everything. */
  close(): Promise<void>;
}

/** Default options. */
export const SERVE_DEFAULTS = {
  configName: "demo",
  host: "127.0.0.1",
  port: 8765,
  approximate: false,
  views: "whole",
  maxUnderWay: 128,
  maxBytes: 32_000_000,
  maxPixels: 32_000_000,
  maxImages: 16,
  maxBatch: 16,
  maxWaitMs: 5,
  maxDecodeMs: 10_000,
  drainMs: 10_000,
  maxConnections: 512,
  headMs: 10_000,
  minBytesPerSecond: 1_000,
  windowMs: 5_000,
} as const;
const MAX_PORT = 65_535;

/**
 * Starts a service; it answers requests once this returns. New photos are embedded while it runs: until `whole`, a
 * search finds those that are embedded so far.
 * @throws UserError if the model or the index is missing, or the port is taken
 * @example
 * const service = await serve({ run: "demo_fine_tune", port: 0 }); await service.close();
 */
export async function serve(options: ServeOptions): Promise<RunningService> {
  const settings = { ...SERVE_DEFAULTS, ...options, views: options.views ?? SERVE_DEFAULTS.views };
  requirePort(settings.port);
  requireToken(settings);
  const { embedder, kind } = await openEmbedder(settings);
  const closers: (() => void | Promise<void>)[] = [() => embedder.dispose()];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const { imageSize, resizeMode } = embedder.config;
    const { views } = settings;
    const { decodedSizePx } = planViews(views, imageSize);
    const { length } = await embedder.embedImages([blankImage(decodedSizePx)], views); // loads the model
    const index = new LiveIndex();
    closers.push(() => index.replace(undefined));
    const { name, photos, edits } = await openIndex(settings, { embedder, kind }, index);
    closers.push(() => photos?.close());
    const { maxPixels, maxDecodeMs, drainMs } = settings;
    const data = {
      sidePx: decodedSizePx,
      resizeMode,
      decoder: jpegDecoder(),
      stderr: heldStream(),
      maxPixels,
      maxSeconds: Math.ceil(maxDecodeMs / 1000),
    };
    const threads = new DecodeThreads({ data, maxDecodeMs });
    const service = createService(
      { ...settings, run: settings.run ?? embedder.config.tower },
      { embedder, length, name, index, photos, edits, threads },
    );
    closers.push(() => service.close());
    closers.push(() => threads.close());
    const app = serviceApp(service);
    closers.push(() => drain(app, service.admission, drainMs));
    return {
      url: await listen(app, settings),
      health: service.health,
      get whole() {
        return photos?.whole ?? Promise.resolve();
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Opens the model of a service: the named one, that of an index folder, or the preset's backbone. */
async function openEmbedder(
  settings: ServeOptions & { configName: string },
): Promise<{ embedder: Embedder; kind: FoundModel["kind"] }> {
  const config = preset(settings.configName, "frozen");
  const path = settings.index && sourcePath(settings.index);
  if (settings.run === undefined && path !== undefined && isIndexFolder(path)) {
    const features = openFeatures(path);
    const kind = features.madeBy.transform ? "transform" : features.madeBy.run ? "run" : "backbone";
    return { embedder: await openIndexModel(features, { config, ...settings }), kind };
  }
  const model = await findModel(settings.run, config, settings);
  return { embedder: openModel(model), kind: model.kind };
}

/** Fills the index of a service: at once, or from photos as they are embedded. */
async function openIndex(
  settings: ServeOptions & { approximate: boolean },
  { embedder, kind }: { embedder: Embedder; kind: FoundModel["kind"] },
  index: LiveIndex,
): Promise<{ name: string; photos: IndexKeeper | undefined; edits?: FolderIndex | undefined }> {
  const { approximate, rerank = [], onProgress } = settings;
  const stored = await openStored(settings, embedder);
  if (stored) {
    index.replace(stored.state);
    return { name: stored.name, photos: undefined };
  }
  const request = { ...settings, index: settings.index && sourcePath(settings.index) };
  if (!isOfPhotos(request.index)) {
    if (settings.source && Object.keys(settings.source).length > 0)
      throw new UserError(
        "Columns, a root, a class level or a pattern are for photos: this index is features or held-out classes.",
        "Leave them out, or name a folder or table of photos.",
      );
    const choice = { whiten: settings.whiten ?? false, rerank, approximate };
    const judged = { madeBy: embedder.madeBy, command: judgeCommand(settings.run, settings.index) };
    const { say = notice } = settings;
    if (request.index !== undefined && isIndexFolder(request.index)) {
      const { run, index: folder } = request;
      const classNames = settings.classNames ? await requireClassNames(settings.classNames) : undefined;
      const photos = await FolderIndex.open(
        { ...choice, embedder, run, folder, classNames, judged, onProgress, say },
        index,
      );
      return { name: basename(folder), photos, edits: photos };
    }
    const source = await openIndexSource(request, embedder, { onProgress });
    const state = await indexState(source, choice, undefined, { onProgress, judged });
    index.replace(state);
    if (state.verdict) say(`guie serve: ${verdictText(state.verdict)}`);
    return { name: source.name, photos: undefined };
  }
  const config = {
    embedder,
    source: request.index,
    settings: settings.source,
    dataDir: dataFolder(embedder.config),
    classNames: settings.classNames ? await requireClassNames(settings.classNames) : undefined,
    whiten: settings.whiten ?? kind === "backbone",
    rerank,
    approximate,
    command: judgeCommand(settings.run, settings.index),
    onProgress,
    say: settings.say,
  };
  return { name: basename(request.index), photos: await PhotoIndex.open(config, index) };
}

function requirePort(port: number): void {
  if (Number.isInteger(port) && port >= 0 && port <= MAX_PORT) return;
  const next = "Choose a port from 1 to 65535, or 0 for a free one.";
  throw new UserError(`Expected a port from 0 to ${MAX_PORT}, got ${port}.`, next);
}

/** Fewest letters of the word with which clients may change an index. */
const SHORTEST_TOKEN = 16;

function requireToken({ editToken, index }: ServeOptions): void {
  if (editToken === undefined) return;
  if (index === undefined || !isIndexFolder(sourcePath(index)))
    throw new UserError(
      "A word for changes was given, but the index takes none: only a folder of features does.",
      "npx guie embed PHOTOS --out FOLDER, then npx guie serve FOLDER",
    );
  if (editToken.length >= SHORTEST_TOKEN && /^[\x21-\x7e]+$/.test(editToken)) return;
  throw new UserError(
    `Expected a word of at least ${SHORTEST_TOKEN} ASCII letters without spaces for changes, got ${editToken.length} letters.`,
    "For example: openssl rand -hex 24 > FILE",
  );
}

async function listen(app: FastifyInstance, { host, port }: { host: string; port: number }): Promise<string> {
  try {
    await app.listen({ host, port });
  } catch (error) {
    const next = "Choose another --port (0: a free one), or an address of this machine as --host.";
    throw new UserError(`The service cannot listen on ${host}, port ${port}: ${messageOf(error)}.`, next, {
      cause: error,
    });
  }
  const { port: taken } = app.server.address() as AddressInfo;
  return `http://${isIP(host) === 6 ? `[${host}]` : host}:${taken}`;
}

function blankImage(side: number): RgbImage {
  return { data: new Uint8Array(3 * side * side), width: side, height: side };
}
