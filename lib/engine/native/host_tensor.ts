// Tensors in TensorFlow's memory that JavaScript fills and reads.
import koffi from "koffi";
import { UserError } from "../../common/errors";
import { cApi, type Pointer } from "./c_api";
import { type DType, dtypeOfCode, dtypeRow, elementCount, type NumericArray } from "./dtypes";
import { countHandle } from "./handles";

/** A tensor's values in JavaScript's memory. */
export interface TensorValue {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Row-major; the bytes of each string where the dtype is string. */
  readonly data: NumericArray | readonly Uint8Array[];
}

/**
 * A tensor in TensorFlow's own memory, to be filled from JavaScript and fed to a session without another copy.
 * Hold it while it is used, then `dispose()`; once it was assigned to a variable, never write to it again: the
 * variable may have taken over its very memory.
 */
export class HostTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly #pointer: Pointer;
  readonly #data: NumericArray;
  /** Who needs the memory: the owner until it disposes, and every call under way. */
  #holds = 1;
  #disposed = false;

  /** Allocates, without clearing. Strings cannot be held this way. */
  constructor(dtype: DType, shape: readonly number[]) {
    const { array, bytes } = dtypeRow(dtype);
    const size = elementCount(shape) * bytes;
    if (!array) throw new UserError(`A tensor of dtype ${dtype} cannot be filled from JavaScript.`);
    this.dtype = dtype;
    this.shape = shape;
    this.#pointer = allocate(dtype, shape, size);
    this.#data = size === 0 ? new array(0) : new array(koffi.view(cApi().TF_TensorData(this.#pointer), size));
  }

  /** TensorFlow's memory itself: an array taken from here must not be touched any more after `dispose()`. */
  get data(): NumericArray {
    this.#assertAlive();
    return this.#data;
  }

  /** The `TF_Tensor` for one call: it stays alive until it is released, whatever is disposed in between. */
  hold(): NativeTensor {
    this.#assertAlive();
    this.#holds++;
    return { pointer: this.#pointer, release: () => this.#letGo() };
  }

  /** Frees the memory, or this hold on it while a run or a variable uses it. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#letGo();
  }

  /** For `using memory = new HostTensor(...)`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #letGo(): void {
    this.#holds--;
    if (this.#holds === 0) deleteTensor(this.#pointer);
  }

  #assertAlive(): void {
    if (this.#disposed) throw new UserError("The tensor was disposed: its memory is TensorFlow's again.");
  }
}

/** A `TF_Tensor` for a call, and how it is given up afterwards. */
export interface NativeTensor {
  pointer: Pointer;
  release(): void;
}

/**
 * Copies values into TensorFlow's memory. The result is freed by `release`.
 * @throws UserError where the values are of another type or number than dtype and shape say
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
 * @param what for the message
 * @throws UserError where the values are of another type or number than dtype and shape say
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

/** Copies a tensor of TensorFlow's into JavaScript's memory. */
export function copyFromTensorflow(pointer: Pointer): TensorValue {
  const value = viewTensor(pointer);
  return value.dtype === "string" ? value : { ...value, data: (value.data as NumericArray).slice() };
}

/**
 * A tensor of TensorFlow's where it lies: not copied, and valid only until the tensor is deleted. Strings are copied.
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

/** Dimensions as the C API takes them. */
export function int64Array(values: readonly (number | bigint)[]): BigInt64Array {
  return BigInt64Array.from(values, BigInt);
}

function allocate(dtype: DType, shape: readonly number[], size: number): Pointer {
  countHandle("tensor", 1);
  return cApi().TF_AllocateTensor(dtypeRow(dtype).code, int64Array(shape), shape.length, size);
}

/** Gives up a hold on a tensor of TensorFlow's. */
export function deleteTensor(pointer: Pointer): void {
  countHandle("tensor", -1);
  cApi().TF_DeleteTensor(pointer);
}
