// Error answers in one form, { "error": reason }, in this project's words.
import { type IncomingMessage, type Server, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { endingOf } from "../common/files/exit_errors";
import { Refusal } from "./limits/refusal";
import { HEADERS } from "./limits/request_guards";

/** The expected form of a request to embed or search. */
export const FORM_WORDS = "expected multipart/form-data with a file: curl -F image=@photo.jpg";
/** The reason for a malformed row number. */
export const NO_ROW = "expected the number of a row";

type Words = readonly [status: number, reason: string];

const MALFORMED_FORM: Words = [400, `the form is malformed or cut off: ${FORM_WORDS}`];

/** Answers by error code of Fastify and its form parser. */
const FASTIFY_WORDS: Readonly<Record<string, Words>> = {
  FST_ERR_BAD_URL: [400, "the address cannot be read: % must be followed by two hexadecimal digits"],
  FST_ERR_MAX_PARAM_LENGTH: [404, NO_ROW],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [415, FORM_WORDS],
  FST_ERR_CTP_BODY_TOO_LARGE: [413, "the body is larger than --max-bytes"],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: [400, "the body's length differs from its Content-Length"],
  FST_REQ_FILE_TOO_LARGE: [413, "a file is larger than --max-bytes"],
  FST_FILES_LIMIT: [413, "too many files in a request"],
  FST_PARTS_LIMIT: [413, "too many parts in a form"],
  FST_FIELDS_LIMIT: [400, "expected files only, got fields"],
  FST_PROTO_VIOLATION: [400, "a field has the name of a prototype's property: name it image"],
};

/** Answers by error code of Node's HTTP parser; any other code is a malformed request. */
const PARSER_WORDS: Readonly<Record<string, Words>> = {
  HPE_HEADER_OVERFLOW: [431, "the head of the request is too long"],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, "a chunk's extensions are too long"],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "the request took too long to come"],
};
const MALFORMED_HTTP: Words = [400, "this is not a readable HTTP request"];

/**
 * Answers a request that failed. An error that is not the request's fault goes to the service's stderr, and not to the
 * client.
 */
export function answerError(
  error: FastifyError | Refusal,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  reply.headers(HEADERS);
  if (request.raw.destroyed && !request.raw.complete) return reply.status(400).send(); // the client hung up
  if (error instanceof Refusal) {
    if (error.retryAfterSeconds !== undefined) reply.header("retry-after", error.retryAfterSeconds);
    if (error.status === 408) reply.header("connection", "close"); // the rest would not come in time either
    return reply.status(error.status).send({ error: error.message });
  }
  const words = wordsOf(error);
  if (words) return reply.status(words[0]).send({ error: words[1] });
  process.stderr.write(`guie serve: ${endingOf("guie serve", error).message}\n`);
  return reply.status(500).send({ error: "the service failed: see its own output" });
}

/** Returns status and reason of an error that is the request's fault; undefined for any other. */
function wordsOf({ code, statusCode, stack }: FastifyError): Words | undefined {
  const known = FASTIFY_WORDS[code];
  if (known) return known;
  // The form parser's errors have no status; Fastify's other 4xx errors concern forms, too.
  const isOfForm = /@fastify[\\/](busboy|multipart)/.test(stack ?? "");
  return isOfForm || (statusCode !== undefined && statusCode < 500) ? MALFORMED_FORM : undefined;
}

/** Returns an answer as HTTP text, for connections without a parsed request; it closes the connection. */
export function rawAnswer(status: number, reason: string): string {
  const body = JSON.stringify({ error: reason });
  const headers = {
    ...HEADERS,
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(body),
    connection: "close",
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("")}\r\n${body}`;
}

/** Answers a request that Node's parser refuses. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const [status, reason] = PARSER_WORDS[error.code ?? ""] ?? MALFORMED_HTTP;
  socket.end(rawAnswer(status, reason));
  socket.destroySoon();
}

/** Answers requests (Expect, CONNECT) that Node would answer without a reason. */
export function answerOddRequests(server: Server): void {
  server.on("checkExpectation", ({ socket }: IncomingMessage) => {
    socket.end(rawAnswer(417, "the header Expect may only be 100-continue"));
  });
  server.on("connect", (_request: IncomingMessage, socket: Socket) => {
    socket.end(rawAnswer(405, "this is not a proxy: CONNECT is not supported"));
  });
}
