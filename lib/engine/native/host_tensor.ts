// Tensors in TensorFlow's memory that JavaScript fills and reads. They hold values, so traced code cannot use them.

import koffi from "koffi";
import { UserError } from "../../common/errors";
import { elementCount } from "../../common/vectors";
import { cApi, type Pointer } from "./c_api";
import { type DType, dtypeOfCode, dtypeRow, type NumericArray } from "./dtypes";
import { countHandle } from "./handles";

/** A tensor's values, in JavaScript's memory or viewed in TensorFlow's. */
export interface TensorValue {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Row-major; for dtype string, the bytes of each string. */
  readonly data: NumericArray | readonly Uint8Array[];
}

/**
 * A tensor in TensorFlow's own memory, which JavaScript fills and a session takes without another copy. Keep it while
 * it is used, then `dispose()`. Once it was assigned to a variable, never write to it again: the variable may have
 * taken over its memory.
 */
export class HostTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly #pointer: Pointer;
  readonly #data: NumericArray;
  /** Number of holds on the memory: the owner's until it disposes, and one for every running call. */
  #holds = 1;
  #disposed = false;

  /** Allocates memory without clearing it. Strings are not supported. */
  constructor(dtype: DType, shape: readonly number[]) {
    const { array, bytes } = dtypeRow(dtype);
    const size = elementCount(shape) * bytes;
    if (!array) throw new UserError(`A tensor of dtype ${dtype} cannot be filled from JavaScript.`);
    this.dtype = dtype;
    this.shape = shape;
    this.#pointer = allocate(dtype, shape, size);
    this.#data = size === 0 ? new array(0) : new array(koffi.view(cApi().TF_TensorData(this.#pointer), size));
  }

  /** TensorFlow's memory itself, not a copy: do not use the array after `dispose()`. */
  get data(): NumericArray {
    this.#assertAlive();
    return this.#data;
  }

  /** Returns the `TF_Tensor` for one call: it stays alive until it is released, even after `dispose()`. */
  hold(): NativeTensor {
    this.#assertAlive();
    this.#holds++;
    return { pointer: this.#pointer, release: () => this.#release() };
  }

  /** Frees the memory; while a run or a variable uses it, gives up only the owner's hold. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#release();
  }

  /** Supports `using memory = new HostTensor(...)`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #release(): void {
    this.#holds--;
    if (this.#holds === 0) deleteTensor(this.#pointer);
  }

  #assertAlive(): void {
    if (this.#disposed) throw new UserError("The tensor was disposed: its memory is freed.");
  }
}

/** A `TF_Tensor` for a call; `release` gives it up afterwards. */
export interface NativeTensor {
  pointer: Pointer;
  release(): void;
}

/**
 * Copies values into TensorFlow's memory. `release` of the result frees it.
 * @throws UserError where type or number of the values do not match dtype and shape
 */
export function copyToTensorflow(value: TensorValue): NativeTensor {
  assertFits(value);
  if (value.dtype === "string") return copyStrings(value);
  const tensor = new HostTensor(value.dtype, value.shape);
  (tensor.data as Float32Array).set(value.data as Float32Array);
  const held = tensor.hold();
  tensor.dispose();
  return held;
}

/**
 * Checks values against their dtype and shape.
 * @param what names the tensor in the message
 * @throws UserError where type or number of the values do not match dtype and shape
 */
export function assertFits({ dtype, shape, data }: TensorValue, what = "A tensor"): void {
  const { array, bytes } = dtypeRow(dtype);
  const wanted = array?.name ?? "Array";
  const length = (elementCount(shape) * bytes) / (array?.BYTES_PER_ELEMENT ?? bytes);
  const isRight = array ? data instanceof array : Array.isArray(data);
  const isBytes =
    dtype !== "string" || (data as readonly unknown[]).every((item) => item instanceof Uint8Array);
  if (isRight && data.length === length && isBytes) return;
  if (isRight && !isBytes) {
    throw new UserError(
      `${what} is string[${shape}]: each string is a Uint8Array of its bytes.`,
      "Make them by new TextEncoder().encode(text).",
    );
  }
  throw new UserError(
    `${what} is ${dtype}[${shape}]: ${length} values in a ${wanted}; got ${data.length} in a ${data.constructor.name}.`,
  );
}

function copyStrings({ shape, data }: TensorValue): NativeTensor {
  const { bytes } = dtypeRow("string");
  const strings = data as readonly Uint8Array[];
  const pointer = allocate("string", shape, strings.length * bytes);
  const start = cApi().TF_TensorData(pointer);
  const addresses = strings.map((_, i) => start + BigInt(i * bytes));
  for (const [i, string] of strings.entries()) {
    cApi().TF_StringInit(addresses[i]!);
    cApi().TF_StringCopy(addresses[i]!, string, string.byteLength);
  }
  const release = () => {
    for (const address of addresses) cApi().TF_StringDealloc(address);
    deleteTensor(pointer);
  };
  return { pointer, release };
}

/** Copies a tensor from TensorFlow's memory into JavaScript's. */
export function copyFromTensorflow(pointer: Pointer): TensorValue {
  const value = viewTensor(pointer);
  return value.dtype === "string" ? value : { ...value, data: (value.data as NumericArray).slice() };
}

/**
 * Returns a view of a tensor in TensorFlow's memory, valid only until the tensor is deleted. Strings are copied.
 */
export function viewTensor(pointer: Pointer): TensorValue {
  const api = cApi();
  const dtype = dtypeOfCode(api.TF_TensorType(pointer));
  const shape = Array.from({ length: api.TF_NumDims(pointer) }, (_, i) => Number(api.TF_Dim(pointer, i)));
  if (dtype === "string") return { dtype, shape, data: readStrings(pointer, elementCount(shape)) };
  const { array } = dtypeRow(dtype);
  if (!array) throw new UserError(`A tensor of dtype ${dtype} cannot be read.`);
  const size = Number(api.TF_TensorByteSize(pointer));
  const buffer = size === 0 ? new ArrayBuffer(0) : koffi.view(api.TF_TensorData(pointer), size);
  return { dtype, shape, data: new array(buffer) };
}

function readStrings(pointer: Pointer, count: number): Uint8Array[] {
  const api = cApi();
  const start = api.TF_TensorData(pointer);
  return Array.from({ length: count }, (_, i) => {
    const address = start + BigInt(i * dtypeRow("string").bytes);
    const size = Number(api.TF_StringGetSize(address));
    if (size === 0) return new Uint8Array(0);
    return new Uint8Array(koffi.view(api.TF_StringGetDataPointer(address), size).slice(0));
  });
}

/** Converts dimensions to the int64 array that the C API takes. */
export function int64Array(values: readonly (number | bigint)[]): BigInt64Array {
  return BigInt64Array.from(values, BigInt);
}

function allocate(dtype: DType, shape: readonly number[], size: number): Pointer {
  countHandle("tensor", 1);
  return cApi().TF_AllocateTensor(dtypeRow(dtype).code, int64Array(shape), shape.length, size);
}

/** Frees a tensor in TensorFlow's memory; other holders of that memory keep it. */
export function deleteTensor(pointer: Pointer): void {
  countHandle("tensor", -1);
  cApi().TF_DeleteTensor(pointer);
}
