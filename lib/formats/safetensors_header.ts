// The header of a safetensors file: JSON of {name: {dtype, shape, data_offsets: [begin, end]}, __metadata__: {...}}.
// The tensors' bytes must cover the rest of the file without holes or overlaps.

import { messageOf, UserError } from "../common/errors";
import { elementCount } from "../common/vectors";
import { DTYPE_BYTES, type Dtype } from "./dtypes";

/** Type and shape of a tensor in a file. */
export interface TensorInfo {
  dtype: Dtype;
  shape: number[];
}

/** A tensor with its place, in bytes after the header. */
export interface PlacedTensor extends TensorInfo {
  begin: number;
  end: number;
}

/** A parsed header; the tensors are in the file's order. */
export interface Header {
  metadata: Record<string, string>;
  tensors: Map<string, PlacedTensor>;
}

const METADATA = "__metadata__";
/** The alignment of the tensors' bytes. */
const ALIGNMENT_BYTES = 8;

/**
 * Reads and checks a header.
 * @param dataBytes length of the file after the header
 * @throws UserError for anything that does not fit, naming the file and the tensor
 */
export function parseHeader(path: string, text: string, dataBytes: number): Header {
  const { [METADATA]: metadata = {}, ...entries } = parseObject(path, text);
  const tensors = Object.entries(entries).map(
    ([name, entry]) => [name, placedTensor(path, name, entry)] as const,
  );
  tensors.sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  checkCoverage(path, tensors, dataBytes);
  return { metadata: stringRecord(path, metadata), tensors: new Map(tensors) };
}

/** Formats the header for tensors in this order, padded with spaces. */
export function formatHeader(
  tensors: ReadonlyMap<string, TensorInfo>,
  metadata: Record<string, string>,
): Buffer {
  const header: Record<string, unknown> = Object.keys(metadata).length > 0 ? { [METADATA]: metadata } : {};
  let begin = 0;
  for (const [name, { dtype, shape }] of tensors) {
    const end = begin + elementCount(shape) * DTYPE_BYTES[dtype];
    header[name] = { dtype, shape, data_offsets: [begin, end] };
    begin = end;
  }
  const text = Buffer.from(JSON.stringify(header));
  const padding = -text.length & (ALIGNMENT_BYTES - 1);
  return Buffer.concat([text, Buffer.alloc(padding, " ")]);
}

function parseObject(path: string, text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value)) return value;
  } catch (error) {
    throw malformed(path, `its header is not JSON (${messageOf(error)})`);
  }
  throw malformed(path, "its header is not a JSON object");
}

function stringRecord(path: string, value: unknown): Record<string, string> {
  if (isRecord(value) && Object.values(value).every((text) => typeof text === "string")) {
    return value as Record<string, string>;
  }
  throw malformed(path, "its metadata is not an object of strings");
}

function placedTensor(path: string, name: string, entry: unknown): PlacedTensor {
  if (!isRecord(entry)) throw malformed(path, `tensor "${name}": expected an object`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== "string" || !Object.hasOwn(DTYPE_BYTES, dtype)) {
    throw malformed(path, `tensor "${name}": unknown dtype ${JSON.stringify(dtype)}`);
  }
  if (!isCountList(shape))
    throw malformed(path, `tensor "${name}": shape ${JSON.stringify(shape)} is not a list of sizes`);
  if (!isCountList(offsets) || offsets.length !== 2) {
    throw malformed(path, `tensor "${name}": data_offsets ${JSON.stringify(offsets)} is not [begin, end]`);
  }
  const [begin, end] = offsets as [number, number];
  const expected = elementCount(shape) * DTYPE_BYTES[dtype as Dtype];
  if (end - begin !== expected) {
    throw malformed(
      path,
      `tensor "${name}": ${dtype} [${shape}] takes ${expected} bytes, found ${end - begin}`,
    );
  }
  return { dtype: dtype as Dtype, shape, begin, end };
}

/** Checks that each tensor begins at the end of the one before, and that the last ends with the file. */
function checkCoverage(
  path: string,
  tensors: readonly (readonly [string, PlacedTensor])[],
  dataBytes: number,
): void {
  let position = 0;
  for (const [name, { begin, end }] of tensors) {
    if (begin !== position) {
      const fault = begin < position ? "overlaps the one before it" : "leaves a hole before it";
      throw malformed(path, `tensor "${name}" ${fault}: it begins at byte ${begin}, expected ${position}`);
    }
    position = end;
  }
  if (position > dataBytes) {
    throw malformed(path, `it is cut short: its tensors take ${position} bytes, found ${dataBytes}`);
  }
  if (position < dataBytes)
    throw malformed(path, `${dataBytes - position} bytes at its end belong to no tensor`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCountList(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

/** Makes the error for a file that violates the format. */
export function malformed(path: string, fault: string): UserError {
  return new UserError(
    `${path} is not a whole safetensors file: ${fault}.`,
    "Make or download the file again.",
  );
}
