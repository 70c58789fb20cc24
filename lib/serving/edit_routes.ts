// The routes that change an index: for clients with the secret word of the service. Off unless there is one.
import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import { IMAGE_ENDINGS } from "../common/files/image_folder";
import type { IndexRow } from "./found_row";
import { Refusal } from "./limits/refusal";
import { type Exchange, NO_QUERY, queryOf, rowOf } from "./requests";
import { requireNoBody } from "./uploads";

/** An image that a client adds. */
export interface AddedImage {
  bytes: Uint8Array;
  /** Its file name, without folders. */
  name: string;
  /** Its class; undefined: none. */
  className?: string | undefined;
}

/** Changes of an index by requests. */
export interface IndexEdits {
  /** The secret word; undefined: nobody may change the index. */
  token: string | undefined;
  /** Adds an image and keeps a copy of it. @throws Refusal */
  add(image: AddedImage, gone?: AbortSignal): Promise<IndexRow>;
  /** Removes a row; returns how many remain. @throws Refusal */
  remove(row: number): Promise<number>;
}

/** Reads the uploads of a request and does work with them. */
export type WithUploads = <T>(
  exchange: Exchange,
  maxImages: number,
  work: (images: Uint8Array[], gone: AbortSignal) => Promise<T>,
) => Promise<T>;

/** Longest name of a file, in bytes: a hash is put before it. */
const LONGEST_NAME = 200;
const LONGEST_CLASS = 200;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the rule looks for them
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
const ENDING = new RegExp(`\\.(${IMAGE_ENDINGS.join("|")})$`, "i");

const isName = (name: string) =>
  ENDING.test(name) && !/[/\\]/.test(name) && !CONTROL.test(name) && Buffer.byteLength(name) <= LONGEST_NAME;
const isClass = (name: string) => name.trim() !== "" && !CONTROL.test(name) && name.length <= LONGEST_CLASS;

const NAME_WORDS = "expected a file name such as 7.jpg, without folders";
const CLASS_WORDS = `expected the name of a class: 1 to ${LONGEST_CLASS} letters`;
const ADD_QUERY = z.strictObject({
  name: z.string(NAME_WORDS).refine(isName, NAME_WORDS),
  class: z
    .string(CLASS_WORDS)
    .refine(isClass, CLASS_WORDS)
    .transform((name) => name.normalize("NFC"))
    .optional(),
});

/** Adds `POST /index/add?name=7.jpg&class=apple` with an image, and `DELETE /index/rows/12`. */
export function addEditRoutes(
  routes: FastifyInstance,
  edits: IndexEdits | undefined,
  withUploads: WithUploads,
): void {
  routes.post("/index/add", async (...exchange) => {
    const { add } = requireEdits(edits, exchange[0]);
    const { name, class: className } = queryOf(ADD_QUERY, exchange[0]);
    const row = await withUploads(exchange, 1, async (images, gone) =>
      add({ bytes: images[0]!, name, className }, gone),
    );
    return exchange[1].status(201).send({ row });
  });
  routes.delete("/index/rows/:row", async (request) => {
    const { remove } = requireEdits(edits, request);
    queryOf(NO_QUERY, request);
    requireNoBody(request);
    return { images: await remove(rowOf(request)) };
  });
}

/** Returns the changes if a request may make them. @throws Refusal */
function requireEdits(edits: IndexEdits | undefined, { headers }: FastifyRequest): IndexEdits {
  if (edits?.token === undefined)
    throw new Refusal(403, "this service takes no changes: docs/how_to/index.md says how to allow them");
  const [, given = ""] = /^Bearer +(\S+)$/i.exec(headers.authorization ?? "") ?? [];
  if (isSame(given, edits.token)) return edits;
  throw new Refusal(401, "expected the service's word in the header Authorization: Bearer WORD");
}

/** Compares words in a time that does not depend on them. */
function isSame(given: string, token: string): boolean {
  const hash = (word: string) => createHash("sha256").update(word).digest();
  return timingSafeEqual(hash(given), hash(token));
}
