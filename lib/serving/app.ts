// The routes of the service.
import { setMaxListeners } from "node:events";
import multipart from "@fastify/multipart";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { z } from "zod";
import { MOST_NEIGHBOURS } from "../retrieval/resident_index";
import { clientAddress } from "./addresses";
import type { Admission } from "./admission";
import { whileBodyComes } from "./body_watch";
import { boundConnections } from "./connections";
import type { FoundRow, IndexRow } from "./found_row";
import { type ImagePart, PART_WORDS, parseImagePart } from "./image_part";
import { servicePage } from "./page";
import { Refusal } from "./refusal";
import { originGuard, secureHeaders } from "./request_guards";
import { answerClientError, answerError, answerOddRequests, NO_ROW } from "./responses";
import { readUploads, requireFittingBody, requireNoBody, type UploadLimits } from "./uploads";

/** Limits for clients. */
export interface ClientLimits {
  /** Most connections at once. */
  maxConnections: number;
  /** Time limit for the head of a request. */
  headMs: number;
  /** Lowest rate of a body. */
  minBytesPerSecond: number;
  /** Length of the windows; every one must reach the rate. */
  windowMs: number;
  /** Header in which a proxy writes the client's address; default: the connection's own address counts. */
  trustHeader?: string | undefined;
}

/** What is asked of a search. */
export interface SearchRequest {
  /** Most neighbours. */
  k: number;
  /** The part of each image that is searched; without parts, whole images are. */
  parts?: ImagePart[] | undefined;
}

/** The work behind the routes. A signal is aborted when the client is gone. */
export interface Service {
  admission: Admission;
  limits: UploadLimits;
  clients: ClientLimits;
  /** Address that the service listens on, as the user gave it. */
  host: string;
  /** Returns unit vectors of encoded images. @throws Refusal */
  embed(images: Uint8Array[], gone?: AbortSignal): Promise<Float32Array[]>;
  /** Returns the neighbours of an encoded image, or of several as one query. @throws Refusal */
  search(images: Uint8Array[], request: SearchRequest, gone?: AbortSignal): Promise<FoundRow[]>;
  /** Returns a row's neighbours without itself. @throws Refusal if there is no such row */
  similar(row: number, request: SearchRequest, gone?: AbortSignal): Promise<FoundRow[]>;
  /** Returns an index image as a small JPEG. @throws Refusal if there is no such row */
  image(row: number, gone?: AbortSignal): Promise<Uint8Array>;
  /** Returns rows spread over the index, at most `count`. */
  samples(count: number): IndexRow[];
  /** Begins to read the photos again; returns what is known of them. @throws Refusal if the index does not change */
  reload(): Record<string, unknown>;
  health(): Record<string, unknown>;
  /** Waits for the current passes; waiting requests fail. */
  close(): Promise<void>;
}

/** Time limit for a whole request. */
const REQUEST_TIMEOUT_MS = 60_000;
/** Lifetime of a connection without a request. */
const KEEP_ALIVE_MS = 10_000;
/** Interval at which Node looks for late heads and bodies. */
const LOOK_MS = 1_000;
/** nginx's status for a client that hung up; nobody reads it. */
const CLIENT_GONE = 499;
const DEFAULT_NEIGHBOURS = 12;
/** One less than a search returns: a row of the index may find itself. */
const MAX_RESULTS = MOST_NEIGHBOURS - 1;

/** Rows that the page shows before the first search. */
const SAMPLES = 15;

const NO_QUERY = z.strictObject({});
const K_WORDS = `expected one whole number from 1 to ${MAX_RESULTS}`;
const SIMILAR_QUERY = z.strictObject({
  k: z
    .string(K_WORDS)
    .regex(/^\d+$/, K_WORDS)
    .transform(Number)
    .pipe(z.number().min(1, K_WORDS).max(MAX_RESULTS, K_WORDS))
    .default(DEFAULT_NEIGHBOURS),
  rectangle: z
    .union([z.string(), z.array(z.string())])
    .transform((texts) => [texts].flat().map(parseImagePart))
    .refine((parts): parts is ImagePart[] => !parts.includes(undefined), PART_WORDS)
    .optional(),
});
const SEARCH_QUERY = SIMILAR_QUERY.extend({
  together: z.literal("1", "expected together=1, to search with several images as one query").optional(),
});

/** Makes the application; it does not listen yet. */
export function serviceApp(service: Service): FastifyInstance {
  const { admission, limits, clients } = service;
  const app = makeApp(service);
  app.setErrorHandler(answerError);
  app.setNotFoundHandler(() => {
    throw new Refusal(
      404,
      "nothing is at this address: GET / is the page, POST /embed and /search take images, POST /reload reads photos again",
    );
  });
  let closing = false;
  app.addHook("preClose", async () => {
    closing = true;
  });
  app.addHook("onRequest", secureHeaders);
  app.addHook("onRequest", async () => {
    if (closing) throw new Refusal(503, "the service is ending: it takes no more requests");
  });
  app.addHook("onRequest", originGuard(service.host));
  app.removeAllContentTypeParsers();
  app.register(multipart);
  app.addHook("onSend", async (_request, reply) => {
    if (closing) reply.header("connection", "close"); // otherwise the end would wait for it
  });

  /** Reads uploads and does the work; reads the rest of a refused body, so that the client gets the answer. */
  const withUploads = <T>(
    [request, reply]: Exchange,
    maxImages: number,
    work: (images: Uint8Array[], gone: AbortSignal) => Promise<T>,
  ) => {
    requireFittingBody(request, limits);
    return admission.enter(clientAddress(request, clients.trustHeader), async (hold) => {
      try {
        const reading = readUploads(request, { ...limits, maxImages }, hold);
        return await work(await whileBodyComes(request.raw, clients, reading), goneSignal(reply));
      } finally {
        request.raw.unpipe().resume();
      }
    });
  };

  app.register(async (routes) => {
    const { html, policy } = servicePage();
    routes.get("/", async (_request, reply) =>
      reply.headers({ "content-security-policy": policy }).type("text/html; charset=utf-8").send(html),
    );
    routes.get("/health", async () => service.health());
    routes.get("/image/:row", async (request, reply) => {
      const jpeg = await service.image(rowOf(request), goneSignal(reply));
      return reply
        .type("image/jpeg")
        .header("cache-control", "private, max-age=86400")
        .send(Buffer.from(jpeg));
    });
    routes.get("/similar/:row", async (request, reply) => {
      const { rectangle: parts, ...asked } = queryOf(SIMILAR_QUERY, request);
      requirePartEach(parts, 1);
      return { neighbours: await service.similar(rowOf(request), { ...asked, parts }, goneSignal(reply)) };
    });
    routes.get("/samples", async () => ({ rows: service.samples(SAMPLES) }));
    routes.post("/reload", async (...[request, reply]) => {
      queryOf(NO_QUERY, request);
      requireNoBody(request);
      return reply.status(202).send({ photos: service.reload() });
    });
    routes.post("/embed", async (...exchange) => {
      queryOf(NO_QUERY, exchange[0]);
      return withUploads(exchange, limits.maxImages, async (images, gone) => {
        const vectors = await service.embed(images, gone);
        return { length: vectors[0]!.length, vectors: vectors.map((vector) => Array.from(vector)) };
      });
    });
    routes.post("/search", async (...exchange) => {
      const { rectangle: parts, together, ...asked } = queryOf(SEARCH_QUERY, exchange[0]);
      return withUploads(exchange, together ? limits.maxImages : 1, async (images, gone) => {
        requirePartEach(parts, images.length);
        return { neighbours: await service.search(images, { ...asked, parts }, gone) };
      });
    });
  });
  return app;
}

type Exchange = [request: FastifyRequest, reply: FastifyReply];

/** Makes the server with its limits; refusals of Fastify and Node are answered in this project's words. */
function makeApp({ limits, clients }: Service): FastifyInstance {
  const { headMs, maxConnections, trustHeader } = clients;
  const app = Fastify({
    bodyLimit: limits.maxBytes,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: "idle",
    return503OnClosing: false,
    exposeHeadRoutes: false,
    http: {
      headersTimeout: headMs,
      connectionsCheckingInterval: Math.min(LOOK_MS, headMs),
      keepAliveTimeout: KEEP_ALIVE_MS,
      requireHostHeader: false, // `originGuard` requires one
    },
    frameworkErrors: answerError,
    clientErrorHandler: answerClientError,
  });
  boundConnections(app.server, maxConnections, trustHeader !== undefined);
  answerOddRequests(app.server);
  return app;
}

/** Returns a signal that is aborted if the client hangs up before its answer is written. */
function goneSignal({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController();
  setMaxListeners(0, gone.signal); // each image of a request listens
  const abort = () => gone.abort(new Refusal(CLIENT_GONE, "the client is gone"));
  if (raw.destroyed) abort();
  raw.once("close", () => {
    if (!raw.writableFinished) abort();
  });
  return gone.signal;
}

/** Returns the row in the address. @throws Refusal if it is not a number */
function rowOf(request: FastifyRequest): number {
  const { row } = request.params as { row: string };
  if (/^\d{1,10}$/.test(row)) return Number(row);
  throw new Refusal(404, NO_ROW);
}

/** Checks that there are no parts, or one for each image. @throws Refusal (400) */
function requirePartEach(parts: ImagePart[] | undefined, images: number): void {
  if (!parts || parts.length === images) return;
  const wanted = images === 1 ? "one rectangle for the image" : `one rectangle for each of ${images} images`;
  throw new Refusal(
    400,
    `expected ${wanted}, got ${parts.length}: rectangle=0,0,1,1 takes the whole of an image`,
  );
}

function queryOf<T>(schema: z.ZodType<T>, request: FastifyRequest): T {
  const { success, data, error } = schema.safeParse(request.query);
  if (success) return data;
  const { path, message } = error.issues[0]!;
  throw new Refusal(400, `the address after "?": ${[...path, message].join(": ")}`);
}
