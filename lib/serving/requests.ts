// What requests say: numbers and conditions in their addresses, and whether their client is still there.
import { setMaxListeners } from "node:events";
import type { FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { UserError } from "../common/errors";
import { type Condition, parseCondition } from "../index_folder/where";
import { MOST_NEIGHBOURS } from "../retrieval/resident_index";
import { type ImagePart, PART_WORDS, parseImagePart } from "./image_part";
import { Refusal } from "./limits/refusal";
import { NO_ROW } from "./responses";

/** nginx's status for a client that hung up; nobody reads it. */
const CLIENT_GONE = 499;
const DEFAULT_NEIGHBOURS = 12;
/** One less than a search returns: a row of the index may find itself. */
const MAX_RESULTS = MOST_NEIGHBOURS - 1;

/** What a search is asked for. */
export interface SearchRequest {
  k: number;
  /** Conditions that the found rows meet. */
  where: readonly Condition[];
  /** The part of each image that is searched; without parts, whole images are. */
  parts?: readonly ImagePart[] | undefined;
}

/** Checks that an address says nothing after "?". */
export const NO_QUERY = z.strictObject({});
const K_WORDS = `expected one whole number from 1 to ${MAX_RESULTS}`;
/** Checks what a search for a row's neighbours is asked for. */
export const SIMILAR_QUERY = z.strictObject({
  k: z
    .string(K_WORDS)
    .regex(/^\d+$/, K_WORDS)
    .transform(Number)
    .pipe(z.number().min(1, K_WORDS).max(MAX_RESULTS, K_WORDS))
    .default(DEFAULT_NEIGHBOURS),
  where: z
    .union([z.string(), z.array(z.string())])
    .transform((texts, context) => conditionsOf([texts].flat(), context))
    .default([]),
  rectangle: z
    .union([z.string(), z.array(z.string())])
    .transform((texts) => [texts].flat().map(parseImagePart))
    .refine((parts): parts is ImagePart[] => !parts.includes(undefined), PART_WORDS)
    .optional(),
});
/** Checks what a search by images is asked for. */
export const SEARCH_QUERY = SIMILAR_QUERY.extend({
  together: z.literal("1", "expected together=1, to search with several images as one query").optional(),
});

/** Returns conditions. Adds the issue of a malformed one. */
function conditionsOf(texts: readonly string[], context: z.RefinementCtx): Condition[] {
  try {
    return texts.map(parseCondition);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    context.addIssue({ code: "custom", message: error.what });
    return [];
  }
}

/** A request and its answer. */
export type Exchange = [request: FastifyRequest, reply: FastifyReply];

/** Returns a signal that is aborted if the client hangs up before its answer is written. */
export function goneSignal({ raw }: FastifyReply): AbortSignal {
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
export function rowOf(request: FastifyRequest): number {
  const { row } = request.params as { row: string };
  if (/^\d{1,10}$/.test(row)) return Number(row);
  throw new Refusal(404, NO_ROW);
}

/** Returns what the address says after "?". @throws Refusal (400) if it does not fit */
export function queryOf<T>(schema: z.ZodType<T>, request: FastifyRequest): T {
  const { success, data, error } = schema.safeParse(request.query);
  if (success) return data;
  const { path, message } = error.issues[0]!;
  throw new Refusal(400, `the address after "?": ${[...path, message].join(": ")}`);
}
