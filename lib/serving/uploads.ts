// Reading of a request's images, in memory: nothing is written to disk.
import type { MultipartFile } from "@fastify/multipart";
import type { FastifyRequest } from "fastify";
import { describeOther, sniffFormat } from "../images/readers/formats";
import type { HoldBytes } from "./limits/admission";
import { Refusal } from "./limits/refusal";
import { FORM_WORDS } from "./responses";

/** Limits of a request's images. */
export interface UploadLimits {
  /** Largest body, with all its images. */
  maxBytes: number;
  /** Largest image, by its header. */
  maxPixels: number;
  /** Most images in a request. */
  maxImages: number;
}

/** Longest boundary, including quotation marks. */
const LONGEST_BOUNDARY = 72;
/** Longest field in bytes: fields are not read. */
const LONGEST_FIELD = 1000;

/** File names that no browser sends: paths and control characters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the rule looks for them
const ODD_NAME = /[\u0000-\u001f\u007f/\\]/;

/** Checks the body's length by its head. @throws Refusal (413) if it is too large */
export function requireFittingBody(request: FastifyRequest, { maxBytes }: UploadLimits): void {
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) throw tooLarge(maxBytes);
}

/** Checks that a request has no body. @throws Refusal (400) */
export function requireNoBody({ headers }: FastifyRequest): void {
  const isEmpty = headers["transfer-encoding"] === undefined && Number(headers["content-length"] ?? 0) === 0;
  if (!isEmpty) throw new Refusal(400, "expected no body: curl -X POST is enough");
}

/**
 * Reads the files of a multipart/form-data body; the names and types that the client gives are ignored.
 * @param hold counts the bytes that come
 * @returns each file's bytes, which begin like a supported image
 * @throws Refusal if the body is malformed or too large, or a file is not an image
 */
export async function readUploads(
  request: FastifyRequest,
  limits: UploadLimits,
  hold: HoldBytes,
): Promise<Uint8Array[]> {
  const { maxBytes, maxImages } = limits;
  if (!request.isMultipart()) throw new Refusal(415, FORM_WORDS);
  requireBoundary(request.headers["content-type"]!);
  const images: Uint8Array[] = [];
  let bytes = 0;
  const take = (more: number) => {
    bytes += more;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    hold(more);
  };
  const parts = request.parts({
    limits: {
      fileSize: maxBytes + 1,
      files: maxImages + 1,
      fields: 1,
      parts: maxImages + 2,
      headerPairs: 20,
      fieldSize: LONGEST_FIELD,
    },
    preservePath: true,
  });
  for await (const part of parts) {
    if (part.type === "field")
      throw new Refusal(400, `expected files only, got the field "${part.fieldname}"`);
    if (images.length === maxImages) throw tooMany(maxImages);
    images.push(await readFile(part, take));
  }
  if (images.length === 0) throw new Refusal(400, "the body holds no file");
  for (const [i, image] of images.entries()) requireImage(image, i);
  return images;
}

async function readFile(part: MultipartFile, take: HoldBytes): Promise<Uint8Array> {
  if (ODD_NAME.test(part.filename ?? "")) {
    part.file.resume();
    throw new Refusal(400, "a file's name holds a path or a control character");
  }
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of part.file as AsyncIterable<Buffer>) {
    take(chunk.length);
    chunks.push(chunk);
    length += chunk.length;
  }
  const bytes = new Uint8Array(length); // its own memory, which can be transferred to a thread
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** Checks the boundary: RFC 2046 allows 70 letters; the parser fails on some longer ones. @throws Refusal */
function requireBoundary(type: string): void {
  const [, boundary] = /;\s*boundary=("[^"]*"|[^;]*)/i.exec(type) ?? [];
  if (boundary === undefined) throw new Refusal(400, "the form's Content-Type names no boundary");
  if (boundary.length > LONGEST_BOUNDARY)
    throw new Refusal(400, `the form's boundary has more than ${LONGEST_BOUNDARY} letters`);
}

/** Checks that a file's first bytes are those of an image. @throws Refusal */
function requireImage(bytes: Uint8Array, place: number): void {
  if (bytes.length === 0) throw new Refusal(400, `file ${place + 1} is empty`);
  const format = sniffFormat(bytes);
  if (format === undefined) throw new Refusal(415, `file ${place + 1} is ${describeOther(bytes)}`);
  // An SVG is more a program than an image: it can take minutes to draw.
  if (format === "svg") throw new Refusal(415, `file ${place + 1} is an SVG drawing: send it as PNG`);
}

function tooLarge(maxBytes: number): Refusal {
  return new Refusal(413, `more than ${maxBytes} bytes`);
}

function tooMany(maxImages: number): Refusal {
  return new Refusal(413, `more than ${maxImages} image${maxImages === 1 ? "" : "s"} in a request`);
}
