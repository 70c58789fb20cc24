// Images out of a request's body, in memory: nothing is written to a disk.
import type { MultipartFile } from "@fastify/multipart";
import type { FastifyRequest } from "fastify";
import { describeOther, sniffFormat } from "../images/formats";
import { Refusal } from "./refusal";

/** What a request may bring. */
export interface UploadLimits {
  /** Of a body with all its images. */
  maxBytes: number;
  /** Of each image, by its header. */
  maxPixels: number;
  /** Images of a request. */
  maxImages: number;
}

/** Names of files that no browser sends: paths, and what cannot be printed. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are looked for
const ODD_NAME = /[\u0000-\u001f\u007f/\\]/;

/**
 * How many bytes a request's body has.
 * @returns the most there may be, where its head does not say
 * @throws Refusal (413) where they are too many
 */
export function bodyBytes(request: FastifyRequest, { maxBytes }: UploadLimits): number {
  const length = Number(request.headers["content-length"] ?? maxBytes);
  if (length > maxBytes) throw tooLarge(maxBytes);
  return length;
}

/**
 * Reads the files of a multipart/form-data body; names and types that the client gives them do not matter.
 * @returns the bytes of each, which look like an image that is read
 * @throws Refusal for what is malformed, too much, or no image
 */
export async function readUploads(request: FastifyRequest, limits: UploadLimits): Promise<Uint8Array[]> {
  const { maxBytes, maxImages } = limits;
  if (!request.isMultipart())
    throw new Refusal(415, "expected multipart/form-data with a file: curl -F image=@photo.jpg");
  const images: Uint8Array[] = [];
  let bytes = 0;
  const parts = request.parts({
    limits: { fileSize: maxBytes, files: maxImages + 1, fields: 1, parts: maxImages + 2, headerPairs: 20 },
    preservePath: true,
  });
  for await (const part of parts) {
    if (part.type === "field")
      throw new Refusal(400, `expected files only, got the field "${part.fieldname}"`);
    if (images.length === maxImages) throw tooMany(maxImages);
    const image = await readFile(part);
    bytes += image.length;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    images.push(image);
  }
  if (images.length === 0) throw new Refusal(400, "the body holds no file");
  for (const [i, image] of images.entries()) assertImage(image, i);
  return images;
}

async function readFile(part: MultipartFile): Promise<Uint8Array> {
  if (ODD_NAME.test(part.filename ?? "")) {
    part.file.resume();
    throw new Refusal(400, "a file's name holds a path or a control character");
  }
  return Uint8Array.from(await part.toBuffer()); // of its own memory, which can be given to a thread
}

/** @throws Refusal for what is no image by its first bytes */
function assertImage(bytes: Uint8Array, place: number): void {
  if (bytes.length === 0) throw new Refusal(400, `file ${place + 1} is empty`);
  const format = sniffFormat(bytes);
  if (format === undefined) throw new Refusal(415, `file ${place + 1} is ${describeOther(bytes)}`);
  // A program, more than an image: it can take minutes to draw.
  if (format === "svg") throw new Refusal(415, `file ${place + 1} is an SVG drawing: send it as PNG`);
}

function tooLarge(maxBytes: number): Refusal {
  return new Refusal(413, `more than ${maxBytes} bytes`);
}

function tooMany(maxImages: number): Refusal {
  return new Refusal(413, `more than ${maxImages} image${maxImages === 1 ? "" : "s"} in a request`);
}
