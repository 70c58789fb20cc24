// The service's routes.
import multipart from "@fastify/multipart";
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from "fastify";
import { z } from "zod";
import { endingOf } from "../common/ending";
import { MOST_NEIGHBOURS } from "../retrieval/resident_index";
import type { Gate } from "./gate";
import { originGuard, secureHeaders } from "./guards";
import { pageHtml, pagePolicy } from "./page";
import { Refusal } from "./refusal";
import { bodyBytes, readUploads, type UploadLimits } from "./uploads";

/** An index row as a client sees it. */
export interface FoundRow {
  row: number;
  /** Cosine, -1..1. */
  score: number;
  label: number | null;
  /** Name of the class, where it is known. */
  name: string | null;
  /** The image's path within the index. */
  file: string;
  /** Where the image is served. */
  image: string;
}

/** What stands behind the routes. */
export interface Service {
  gate: Gate;
  limits: UploadLimits;
  /** The address that was named to listen on. */
  host: string;
  /** Unit vectors of images, by their bytes. @throws Refusal */
  embed(images: Uint8Array[]): Promise<Float32Array[]>;
  search(vector: Float32Array, k: number): Promise<FoundRow[]>;
  /** The neighbours of a row without itself. @throws Refusal where there is no such row */
  similar(row: number, k: number): Promise<FoundRow[]>;
  /** An index image as a small JPEG. @throws Refusal where there is no such row */
  image(row: number): Promise<Uint8Array>;
  health(): Record<string, unknown>;
}

/** A body that comes slower than this is given up. */
const REQUEST_TIMEOUT_MS = 60_000;
const DEFAULT_NEIGHBOURS = 12;
/** One less than are searched for: a row of the index may find itself. */
const MOST_RESULTS = MOST_NEIGHBOURS - 1;
const MOST_CONNECTIONS = 512;

const NO_QUERY = z.strictObject({});
const K_WORDS = `expected one whole number from 1 to ${MOST_RESULTS}`;
const SEARCH_QUERY = z.strictObject({
  k: z
    .string(K_WORDS)
    .regex(/^\d+$/, K_WORDS)
    .transform(Number)
    .pipe(z.number().min(1, K_WORDS).max(MOST_RESULTS, K_WORDS))
    .default(DEFAULT_NEIGHBOURS),
});

/** Makes the application; it listens nowhere yet. */
export function serviceApp(service: Service): FastifyInstance {
  const { gate, limits } = service;
  const app = Fastify({
    ...{ bodyLimit: limits.maxBytes, requestTimeout: REQUEST_TIMEOUT_MS, forceCloseConnections: "idle" },
    ...{ return503OnClosing: true, exposeHeadRoutes: false },
  });
  app.server.maxConnections = MOST_CONNECTIONS;
  app.setErrorHandler(answerError);
  app.setNotFoundHandler(() => {
    throw new Refusal(404, "there is nothing here: GET / is the page, POST /embed and /search take images");
  });
  app.addHook("onRequest", secureHeaders);
  app.addHook("onRequest", originGuard(service.host));
  app.removeAllContentTypeParsers();
  app.register(multipart);
  let closing = false;
  app.addHook("preClose", async () => {
    closing = true;
  });
  app.addHook("onSend", async (_request, reply) => {
    if (closing) reply.header("connection", "close"); // else it would be waited for
  });

  /** Reads, computes, and lets the rest of a body that was refused run dry, so that the client hears why. */
  const withUploads = <T>(
    request: FastifyRequest,
    maxImages: number,
    work: (images: Uint8Array[]) => Promise<T>,
  ) =>
    gate.enter(bodyBytes(request, limits), async () => {
      try {
        return await work(await readUploads(request, { ...limits, maxImages }));
      } finally {
        request.raw.unpipe().resume();
      }
    });

  app.register(async (routes) => {
    routes.get("/", async (_request, reply) =>
      reply
        .headers({ "content-security-policy": pagePolicy })
        .type("text/html; charset=utf-8")
        .send(pageHtml),
    );
    routes.get("/health", async () => service.health());
    routes.get("/image/:row", async (request, reply) => {
      const jpeg = await service.image(rowOf(request));
      return reply
        .type("image/jpeg")
        .header("cache-control", "private, max-age=86400")
        .send(Buffer.from(jpeg));
    });
    routes.get("/similar/:row", async (request) => {
      const { k } = queryOf(SEARCH_QUERY, request);
      return { neighbours: await service.similar(rowOf(request), k) };
    });
    routes.post("/embed", async (request) => {
      queryOf(NO_QUERY, request);
      return withUploads(request, limits.maxImages, async (images) => {
        const vectors = await service.embed(images);
        return { length: vectors[0]!.length, vectors: vectors.map((vector) => Array.from(vector)) };
      });
    });
    routes.post("/search", async (request) => {
      const { k } = queryOf(SEARCH_QUERY, request);
      return withUploads(request, 1, async (images) => {
        const [vector] = await service.embed(images);
        return { neighbours: await service.search(vector!, k) };
      });
    });
  });
  return app;
}

/** The row in the address: the only thing of it that is used. @throws Refusal for what is no row's number */
function rowOf(request: FastifyRequest): number {
  const { row } = request.params as { row: string };
  if (/^\d{1,10}$/.test(row)) return Number(row);
  throw new Refusal(404, "expected the number of a row");
}

function queryOf<T>(schema: z.ZodType<T>, request: FastifyRequest): T {
  const { success, data, error } = schema.safeParse(request.query);
  if (success) return data;
  const { path, message } = error.issues[0]!;
  throw new Refusal(400, `the address after "?": ${[...path, message].join(": ")}`);
}

/** Reasons as JSON. What is no fault of the request is told to who runs the service, and not to the client. */
function answerError(
  error: FastifyError | Refusal,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (request.raw.destroyed && !request.raw.complete) return reply.status(400).send(); // the client hung up
  const status = error instanceof Refusal ? error.status : (error.statusCode ?? statusOfParser(error));
  if (error instanceof Refusal && error.retryAfterSeconds !== undefined)
    reply.header("retry-after", error.retryAfterSeconds);
  if (status < 500 || error instanceof Refusal) return reply.status(status).send({ error: error.message });
  process.stderr.write(`guie serve: ${endingOf("guie serve", error).message}\n`);
  return reply.status(500).send({ error: "the service failed: its own output says how" });
}

/** The multipart parser's errors have no status. */
function statusOfParser(error: Error): number {
  return /@fastify[\\/]busboy/.test(error.stack ?? "") ? 400 : 500;
}
