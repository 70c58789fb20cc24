// The routes of the service.
import multipart from "@fastify/multipart";
import Fastify, { type FastifyInstance } from "fastify";
import { boundConnections } from "./connections";
import { addEditRoutes, type IndexEdits, type WithUploads } from "./edit_routes";
import type { FoundRow, IndexRow } from "./found_row";
import type { ImagePart } from "./image_part";
import { clientAddress } from "./limits/addresses";
import type { Admission } from "./limits/admission";
import { whileBodyComes } from "./limits/body_watch";
import { Refusal } from "./limits/refusal";
import { originGuard, secureHeaders } from "./limits/request_guards";
import { servicePage } from "./page";
import {
  goneSignal,
  NO_QUERY,
  queryOf,
  rowOf,
  SEARCH_QUERY,
  type SearchRequest,
  SIMILAR_QUERY,
} from "./requests";
import { answerClientError, answerError, answerOddRequests } from "./responses";
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

/** The work behind the routes. A signal is aborted when the client is gone. */
export interface Service {
  admission: Admission;
  limits: UploadLimits;
  clients: ClientLimits;
  /** Address that the service listens on, as the user gave it. */
  host: string;
  /** Returns the model's vectors of encoded images; a run's have unit length. @throws Refusal */
  embed(images: Uint8Array[], gone?: AbortSignal): Promise<Float32Array[]>;
  /** Returns the neighbours of an encoded image, or of several as one query. @throws Refusal */
  search(images: Uint8Array[], request: SearchRequest, gone?: AbortSignal): Promise<FoundRow[]>;
  /** Returns a row's neighbours without itself. @throws Refusal if there is no such row */
  similar(row: number, request: SearchRequest, gone?: AbortSignal): Promise<FoundRow[]>;
  /** Returns an index image as a small JPEG. @throws Refusal if there is no such row */
  image(row: number, gone?: AbortSignal): Promise<Uint8Array>;
  /** Returns rows spread over the index, at most `count`. */
  samples(count: number): Promise<IndexRow[]>;
  /** Begins to read the photos again; returns what is known of them. @throws Refusal if the index does not change */
  reload(): Record<string, unknown>;
  /** Changes of the index by requests; undefined for one that takes none. */
  edits?: IndexEdits | undefined;
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

/** Rows that the page shows before the first search. */
const SAMPLES = 15;

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
  const withUploads: WithUploads = ([request, reply], maxImages, work) => {
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
    routes.get("/samples", async () => ({ rows: await service.samples(SAMPLES) }));
    routes.post("/reload", async (...[request, reply]) => {
      queryOf(NO_QUERY, request);
      requireNoBody(request);
      return reply.status(202).send({ photos: service.reload() });
    });
    addEditRoutes(routes, service.edits, withUploads);
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

/** Checks that there are no parts, or one for each image. @throws Refusal (400) */
function requirePartEach(parts: readonly ImagePart[] | undefined, images: number): void {
  if (!parts || parts.length === images) return;
  const wanted = images === 1 ? "one rectangle for the image" : `one rectangle for each of ${images} images`;
  throw new Refusal(
    400,
    `expected ${wanted}, got ${parts.length}: rectangle=0,0,1,1 takes the whole of an image`,
  );
}
