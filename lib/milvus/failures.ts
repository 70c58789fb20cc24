// What can go wrong with a Milvus server, in words. A server's own text is shown, a token never.
import { messageOf, UserError } from "../common/errors";
import type { MilvusAddress } from "./address";

/** The status that Milvus puts into an answer. */
export interface AnswerStatus {
  error_code: string | number;
  code?: number;
  reason: string;
  retriable?: boolean;
}

/** An answer that says that the request failed. */
export class RefusedByMilvus extends Error {
  override readonly name = "RefusedByMilvus";
  constructor(readonly status: AnswerStatus) {
    super(status.reason);
  }
}

/** gRPC's codes of failures. */
const GRPC = { slow: 4, full: 8, unimplemented: 12, down: 14, token: 16, forbidden: 7 } as const;
/** Milvus's codes of what passes: not ready, unavailable, memory or disk or quota exceeded, rate limit. */
const MILVUS_FULL: ReadonlySet<number> = new Set([3, 6, 8, 9]);
const MILVUS_NOT_READY: ReadonlySet<number> = new Set([1, 2]);
const FULL_NAMES = /^(RateLimit|ForceDeny|MemoryQuotaExhausted|DiskQuotaExhausted|OutOfMemory)$/;
const FULL_TEXT = /quota|rate limit|memory limit|disk limit|no space left/i;
const TOKEN_TEXT = /auth check failure|unauthenticated|api key|permission deny/i;

type Kind = "down" | "slow" | "full" | "token" | "version" | "refused" | "unreadable";

function kindOf(error: unknown): Kind {
  if (error instanceof RefusedByMilvus) {
    const { error_code, code = 0, reason } = error.status;
    if (MILVUS_FULL.has(code) || FULL_NAMES.test(String(error_code)) || FULL_TEXT.test(reason)) return "full";
    if (TOKEN_TEXT.test(reason)) return "token";
    return MILVUS_NOT_READY.has(code) ? "down" : "refused";
  }
  const code = (error as { code?: unknown }).code;
  if (code === GRPC.token || code === GRPC.forbidden || TOKEN_TEXT.test(messageOf(error))) return "token";
  if (code === GRPC.slow) return "slow";
  if (code === GRPC.full) return "full";
  if (code === GRPC.unimplemented) return "version";
  if (code === GRPC.down) return /Protocol error|HTTP\/1/.test(messageOf(error)) ? "version" : "down";
  return typeof code === "number" ? "refused" : "unreadable";
}

/** Returns whether the same request may succeed later. */
export function mayPass(error: unknown): boolean {
  if (error instanceof RefusedByMilvus && error.status.retriable === true) return true;
  return ["down", "slow", "full"].includes(kindOf(error));
}

/** Returns the failure of a request as a message for a person. @param what the request: "search the collection" */
export function milvusFailure(
  { url, server }: MilvusAddress,
  what: string,
  error: unknown,
  token: string,
): UserError {
  const told = withoutSecret(error instanceof RefusedByMilvus ? error.message : detailsOf(error), token);
  const { says, next } = WORDS[kindOf(error)];
  return new UserError(`${url}: cannot ${what}: ${says(server)} (${told}).`, next, {
    cause: undefined, // a client's error may hold the request's metadata
  });
}

const WORDS: Record<Kind, { says: (server: string) => string; next: string }> = {
  down: {
    says: (server) => `no Milvus answers at ${server}`,
    next: "Is it running, is the port right, does it need TLS (milvuss://)? docs/how_to/milvus.md starts one.",
  },
  slow: {
    says: (server) => `${server} did not answer in time`,
    next: "Try again when the server has less to do; a push goes on where it stopped.",
  },
  full: {
    says: () => "the server is full or limits requests",
    next: "Give it memory or disk, or wait, then run the same command: a push goes on where it stopped.",
  },
  token: {
    says: () => "the server refuses the token",
    next: "Set GUIE_MILVUS_TOKEN=NAME:PASSWORD (or the API key) in the environment.",
  },
  version: {
    says: (server) => `${server} is no Milvus that this client (2.6) can speak to`,
    next: "Is it Milvus 2.4 or later, and this the port of its gRPC service (19530)?",
  },
  refused: { says: () => "the server refuses", next: "Look at the server's own log." },
  unreadable: {
    says: (server) => `the answer of ${server} cannot be read`,
    next: "Is it Milvus 2.4 or later, and this the port of its gRPC service (19530)?",
  },
};

function detailsOf(error: unknown): string {
  const details = (error as { details?: unknown }).details;
  return typeof details === "string" && details !== "" ? details : messageOf(error);
}

/** Cuts secrets out of a server's text: it might repeat what it was sent. */
function withoutSecret(text: string, token: string): string {
  const parts = [token, ...token.split(":")].filter((part) => part.length > 3);
  const encoded = token === "" ? [] : [Buffer.from(token).toString("base64")];
  let told = text.replaceAll(/\s+/g, " ").trim();
  for (const secret of [...encoded, ...parts]) told = told.replaceAll(secret, "***");
  return told.slice(0, MOST_TEXT);
}

const MOST_TEXT = 300;
