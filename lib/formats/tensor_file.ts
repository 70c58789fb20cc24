// The common part of all files of weights, whatever their format.

import { UserError } from "../common/errors";
import { elementCount } from "../common/vectors";
import { PIECE_BYTES, readBytesInto, readSummed } from "./bytes";
import { DTYPE_BYTES, type Dtype, READABLE_DTYPES, widenInPlace } from "./dtypes";
import type { TensorInfo } from "./safetensors_header";

/** An open file of weights. Tensors are read on demand. */
export interface TensorFile {
  /** Texts about the weights: origin, licence, ... */
  metadata: Readonly<Record<string, string>>;
  tensors: ReadonlyMap<string, TensorInfo>;
  /**
   * Reads a floating-point tensor (one of READABLE_DTYPES) as float32, row-major.
   * @throws UserError if there is no such tensor, or it has another type
   */
  read(name: string): Float32Array;
  /**
   * Reads a tensor as `read` does, into memory of its length, without a copy in between.
   * @throws UserError as `read`, and if the memory has another length
   */
  readInto(name: string, memory: Float32Array): void;
  close(): void;
}

const NAMES_SHOWN = 8;

/**
 * Returns a file's entry of a tensor.
 * @throws UserError naming the tensors it has instead
 */
export function findTensor<Info>(path: string, tensors: ReadonlyMap<string, Info>, name: string): Info {
  const tensor = tensors.get(name);
  if (tensor) return tensor;
  throw new UserError(`${path} holds no tensor "${name}"; it holds ${joinNames([...tensors.keys()])}.`);
}

/**
 * Makes `read` and `readInto` from the format's own `readInto`, which may assume memory of the right length.
 * @param check throws for a tensor that must not be read; called before memory is allocated
 */
export function tensorReaders(
  path: string,
  tensors: ReadonlyMap<string, TensorInfo>,
  readInto: (name: string, memory: Float32Array) => void,
  check: (name: string) => void = () => {},
): Pick<TensorFile, "read" | "readInto"> {
  const lengthOf = (name: string) => {
    const { shape } = findTensor(path, tensors, name);
    check(name);
    return elementCount(shape);
  };
  return {
    read: (name) => {
      const values = new Float32Array(lengthOf(name));
      readInto(name, values);
      return values;
    },
    readInto: (name, memory) => {
      if (memory.length !== lengthOf(name)) {
        throw new UserError(
          `${path}: tensor "${name}" has ${lengthOf(name)} numbers, the memory for it ${memory.length}.`,
        );
      }
      readInto(name, memory);
    },
  };
}

/**
 * Reads numbers that follow each other in an open file (little endian) as float32.
 * @param start position in bytes
 * @param memory filled to its end
 * @param summed true to compute the CRC-32 of the file's bytes
 * @returns the CRC-32 if `summed`
 * @throws UserError for a type that cannot be read as float32, or a file that ends earlier
 */
export function readFloats(
  { path, file, name }: { path: string; file: number; name: string },
  dtype: Dtype,
  start: number,
  memory: Float32Array,
  summed = false,
): number | undefined {
  if (!READABLE_DTYPES.includes(dtype)) {
    throw new UserError(
      `${path}: tensor "${name}" is ${dtype}, expected one of ${READABLE_DTYPES.join(", ")}.`,
    );
  }
  if (dtype === "F64") return readDoubles(path, file, start, memory, summed);
  const all = new Uint8Array(memory.buffer, memory.byteOffset, memory.byteLength);
  const bytes = all.subarray(all.length - memory.length * DTYPE_BYTES[dtype]);
  const sum = readMaybeSummed(path, file, start, bytes, summed ? 0 : undefined);
  widenInPlace(dtype, memory);
  return sum;
}

/** Reads float64 numbers in pieces, since they take more room than `memory`, and rounds them to float32. */
function readDoubles(
  path: string,
  file: number,
  start: number,
  memory: Float32Array,
  summed: boolean,
): number | undefined {
  const piece = new Float64Array(Math.min(memory.length, PIECE_BYTES / DTYPE_BYTES.F64 / 64));
  let sum = summed ? 0 : undefined;
  for (let done = 0; done < memory.length; done += piece.length) {
    const doubles = piece.subarray(0, memory.length - done);
    const bytes = new Uint8Array(doubles.buffer, 0, doubles.byteLength);
    sum = readMaybeSummed(path, file, start + done * DTYPE_BYTES.F64, bytes, sum);
    memory.set(doubles, done);
  }
  return sum;
}

/** @param sum CRC-32 of the bytes before; undefined to compute none */
function readMaybeSummed(
  path: string,
  file: number,
  start: number,
  bytes: Uint8Array,
  sum: number | undefined,
): number | undefined {
  if (sum !== undefined) return readSummed(path, file, start, bytes, sum);
  readBytesInto(path, file, start, bytes);
  return undefined;
}

/**
 * Checks that a file holds exactly the expected tensors.
 * @param expected name -> shape
 * @param what the thing that expects them, for the message
 * @param next what to do if they differ
 * @throws UserError naming all that are missing, unexpected or of another shape
 */
export function requireTensors(
  path: string,
  found: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  expected: ReadonlyMap<string, readonly number[]>,
  what: string,
  next?: string,
): void {
  const missing = [...expected.keys()].filter((name) => !found.has(name));
  const unexpected = [...found.keys()].filter((name) => !expected.has(name));
  const misshapen = [...expected].flatMap(([name, shape]) => {
    const other = found.get(name)?.shape;
    return other && other.join() !== shape.join() ? [`${name} (expected [${shape}], found [${other}])`] : [];
  });
  const faults = Object.entries({ missing, unexpected, "of another shape": misshapen })
    .filter(([, names]) => names.length > 0)
    .map(([fault, names]) => `${fault}: ${joinNames(names)}`);
  if (faults.length > 0) throw new UserError(`${path} does not fit ${what}: ${faults.join("; ")}.`, next);
}

/** Joins the first few names for a message. */
export function joinNames(names: readonly string[]): string {
  if (names.length === 0) return "nothing";
  const rest = names.length - NAMES_SHOWN;
  return names.slice(0, NAMES_SHOWN).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}
