// Reads and writes safetensors: 8 bytes header length, the header, the tensors' bytes (little endian, row-major).
// https://github.com/huggingface/safetensors#format

import { closeSync, fstatSync, openSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { UserError } from "../common/errors";
import { removeAbandoned, requireFile, writeAtomically } from "../common/files/files";
import { elementCount } from "../common/vectors";
import { PIECE_BYTES, readBytes } from "./bytes";
import { ChecksumCheck, type Checksums, fillChecksums, takeChecksums, withChecksumRoom } from "./checksums";
import { DTYPE_BYTES, toHalves } from "./dtypes";
import { weightFormat } from "./file_kind";
import { formatHeader, type Header, malformed, parseHeader, type TensorInfo } from "./safetensors_header";
import { findTensor, readFloats, type TensorFile, tensorReaders } from "./tensor_file";

/** A float32 tensor to write. `data` may be a function, so that only one tensor at a time is in memory. */
export interface TensorEntry {
  name: string;
  shape: readonly number[];
  data: Float32Array | (() => Float32Array | Promise<Float32Array>);
}

const LENGTH_BYTES = 8;
/** The longest header that is accepted, as by the format's own library. */
const MAX_HEADER_BYTES = 100_000_000;

/**
 * Opens a safetensors file and checks its header; if we wrote the file, also checks the bytes of each tensor that is
 * read.
 * @param next the step that makes the file, for when it is missing or damaged
 * @throws UserError if it is missing, cut short, malformed or of another kind
 * @example
 * const file = openSafetensors("weights.safetensors"); [...file.tensors.keys()];
 */
export function openSafetensors(path: string, next?: string): TensorFile {
  requireFile(path, "a safetensors file", next);
  if (weightFormat(path, next) === "pytorch")
    throw new UserError(`${path} is a PyTorch file, whatever its name says; expected safetensors.`, next);
  const file = openSync(path, "r");
  try {
    const { header, dataStart, checksums } = readHeader(path, file, next);
    const { metadata, tensors } = header;
    const check = new ChecksumCheck(path, file, next);
    const readInto = (name: string, memory: Float32Array) => {
      const { dtype, begin } = findTensor(path, tensors, name);
      const part = `tensor "${name}"`;
      const expected = checksums && !check.isKnown(part) ? checksums.tensors.get(name)! : undefined;
      const found = readFloats(
        { path, file, name },
        dtype,
        dataStart + begin,
        memory,
        expected !== undefined,
      );
      if (expected !== undefined) check.compare(part, found!, expected);
    };
    return {
      metadata,
      tensors,
      ...tensorReaders(path, tensors, readInto),
      close: () => closeSync(file),
    };
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/** The rows of a tensor in an open file. */
export interface TensorRows {
  /** Reads one row as float32, [F]; its bytes are not checked (`openSafetensors` checks whole tensors). */
  read(row: number): Float32Array;
  close(): void;
}

/**
 * Opens a tensor [N, F] of a safetensors file, to read single rows.
 * @throws UserError as `openSafetensors`, and if there is no such tensor, or it has no rows
 */
export function openTensorRows(path: string, name: string, next?: string): TensorRows {
  requireFile(path, "a safetensors file", next);
  const file = openSync(path, "r");
  try {
    const { header, dataStart } = readHeader(path, file, next);
    const { dtype, shape, begin } = findTensor(path, header.tensors, name);
    const [count, length] = shape;
    if (count === undefined || length === undefined || shape.length !== 2)
      throw new UserError(`${path}: expected "${name}" to have rows, [N, F], found [${shape}].`, next);
    const read = (row: number) => {
      if (!(row >= 0 && row < count))
        throw new RangeError(`There are ${count} rows; row ${row} was asked for.`);
      const memory = new Float32Array(length);
      readFloats({ path, file, name }, dtype, dataStart + begin + row * length * DTYPE_BYTES[dtype], memory);
      return memory;
    };
    return { read, close: () => closeSync(file) };
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

interface OpenedHeader {
  header: Header;
  dataStart: number;
  checksums: Checksums | undefined;
}

function readHeader(path: string, file: number, next: string | undefined): OpenedHeader {
  const fileBytes = fstatSync(file).size;
  if (fileBytes < LENGTH_BYTES) throw malformed(path, `it has ${fileBytes} bytes`);
  const headerBytes = Number(new DataView(readBytes(path, file, 0, LENGTH_BYTES)).getBigUint64(0, true));
  const dataStart = LENGTH_BYTES + headerBytes;
  if (headerBytes > MAX_HEADER_BYTES || dataStart > fileBytes) {
    throw malformed(path, `its header takes ${headerBytes} bytes of ${fileBytes}`);
  }
  const bytes = Buffer.from(readBytes(path, file, LENGTH_BYTES, headerBytes));
  const header = parseHeader(path, bytes.toString("utf8"), fileBytes - dataStart);
  const checksums = takeChecksums(path, bytes, header.metadata, [...header.tensors.keys()], next);
  return { header, dataStart, checksums };
}

/** A type in which numbers can be written. */
export type WrittenDtype = "F32" | "F16";

/**
 * Writes float32 tensors, one after the other, atomically.
 * @param metadata texts about the weights: origin, licence, ...
 * @param dtype the type of the numbers in the file
 * @throws UserError for a repeated name, or data that does not fill its shape
 */
export async function writeSafetensors(
  path: string,
  entries: readonly TensorEntry[],
  metadata: Record<string, string> = {},
  dtype: WrittenDtype = "F32",
): Promise<void> {
  const shapes = new Map(entries.map(({ name, shape }) => [name, shape]));
  if (shapes.size < entries.length)
    throw new UserError(`${path}: two tensors of the same name were to be written.`);
  const produce = async (write: WriteTensor) => {
    for (const { name, data } of entries) await write(name, typeof data === "function" ? await data() : data);
  };
  await streamSafetensors(path, shapes, metadata, produce, dtype);
}

/** A writer of the next tensor's values; the caller may reuse their memory once the promise is fulfilled. */
export type WriteTensor = (name: string, values: Float32Array) => Promise<void>;

/**
 * Writes float32 tensors as `writeSafetensors` does; the caller pushes the values.
 * @param produce writes all tensors, in the order of `shapes`
 */
export async function streamSafetensors(
  path: string,
  shapes: ReadonlyMap<string, readonly number[]>,
  metadata: Record<string, string>,
  produce: (write: WriteTensor) => Promise<void>,
  dtype: WrittenDtype = "F32",
): Promise<void> {
  const tensors = new Map<string, TensorInfo>();
  for (const [name, shape] of shapes) tensors.set(name, { dtype, shape: [...shape] });
  const header = formatHeader(tensors, withChecksumRoom(metadata, tensors.size));
  const sums: number[] = [];
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeBigUInt64LE(BigInt(header.length));
  removeAbandoned(path);
  await writeAtomically(path, async (temporary) => {
    const file = await open(temporary, "w");
    try {
      await writeBytes(file, Buffer.concat([length, header]));
      const names = shapes.keys();
      const next = () => names.next().value;
      await produce(async (name, values) => {
        requireNext(path, next(), name);
        sums.push(await writeTensor(path, file, name, shapes.get(name)!, values, dtype));
      });
      requireNext(path, next(), undefined);
      await file.write(fillChecksums(header, sums), 0, header.length, LENGTH_BYTES);
      // asynchronous here, since gigabytes take seconds
      await file.sync();
    } finally {
      await file.close();
    }
  });
}

function requireNext(path: string, expected: string | undefined, name: string | undefined): void {
  if (name !== expected) throw new Error(`${path}: the next tensor is ${expected}, written was ${name}`);
}

/** @returns the CRC-32 of the tensor's bytes */
async function writeTensor(
  path: string,
  file: FileHandle,
  name: string,
  shape: readonly number[],
  values: Float32Array,
  dtype: WrittenDtype,
): Promise<number> {
  if (values.length !== elementCount(shape)) {
    const expected = `[${shape}] = ${elementCount(shape)} numbers`;
    throw new UserError(`${path}: expected ${expected} for tensor "${name}", got ${values.length}.`);
  }
  const { buffer, byteOffset, byteLength } = dtype === "F16" ? toHalves(values) : values;
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  const sum = crc32(bytes);
  await writeBytes(file, bytes);
  return sum;
}

async function writeBytes(file: FileHandle, bytes: Uint8Array): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    done += (await file.write(bytes, done, Math.min(PIECE_BYTES, bytes.length - done))).bytesWritten;
  }
}
