// Table of dtypes: TensorFlow's, with their counterparts in tfjs and JavaScript. May be used while tracing.
import { UserError } from "../../common/errors";

/** A typed array that can hold a tensor's values. */
export type NumericArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** Returns the values of a float32 tensor. @throws Error for values of another type */
export function floatsOf({ data }: { data: object }): Float32Array {
  if (data instanceof Float32Array) return data;
  throw new Error(`Expected values of float32, got ${data.constructor.name}.`);
}

/** Returns the values of an int32 tensor. @throws Error for values of another type */
export function intsOf({ data }: { data: object }): Int32Array {
  if (data instanceof Int32Array) return data;
  throw new Error(`Expected values of int32, got ${data.constructor.name}.`);
}

/** Constructor of a typed array. */
export interface NumericArrayType {
  new (length: number): NumericArray;
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): NumericArray;
  readonly BYTES_PER_ELEMENT: number;
  readonly name: string;
}

/** The dtypes that tfjs tensors can have. */
export type TfjsDType = "float32" | "int32" | "bool" | "complex64" | "string";

interface DTypeRow {
  /** `TF_DataType`. */
  code: number;
  /** Size of one value. */
  bytes: number;
  /** Array that holds the values in JavaScript; bfloat16 and float16 as raw bits, complex numbers as pairs. */
  array: NumericArrayType | null;
  /** The closest dtype that tfjs has; tensors carry it while tracing. */
  tfjs: TfjsDType;
}

const TABLE = {
  float32: { code: 1, bytes: 4, array: Float32Array, tfjs: "float32" },
  float64: { code: 2, bytes: 8, array: Float64Array, tfjs: "float32" },
  int32: { code: 3, bytes: 4, array: Int32Array, tfjs: "int32" },
  uint8: { code: 4, bytes: 1, array: Uint8Array, tfjs: "int32" },
  int16: { code: 5, bytes: 2, array: Int16Array, tfjs: "int32" },
  int8: { code: 6, bytes: 1, array: Int8Array, tfjs: "int32" },
  // size of TF_TString, which does not depend on the string's length
  string: { code: 7, bytes: 24, array: null, tfjs: "string" },
  complex64: { code: 8, bytes: 8, array: Float32Array, tfjs: "complex64" },
  int64: { code: 9, bytes: 8, array: BigInt64Array, tfjs: "int32" },
  bool: { code: 10, bytes: 1, array: Uint8Array, tfjs: "bool" },
  bfloat16: { code: 14, bytes: 2, array: Uint16Array, tfjs: "float32" },
  uint16: { code: 17, bytes: 2, array: Uint16Array, tfjs: "int32" },
  complex128: { code: 18, bytes: 16, array: Float64Array, tfjs: "complex64" },
  float16: { code: 19, bytes: 2, array: Uint16Array, tfjs: "float32" },
  resource: { code: 20, bytes: 0, array: null, tfjs: "string" },
  variant: { code: 21, bytes: 0, array: null, tfjs: "string" },
  uint32: { code: 22, bytes: 4, array: Uint32Array, tfjs: "int32" },
  uint64: { code: 23, bytes: 8, array: BigUint64Array, tfjs: "int32" },
} as const satisfies Record<string, DTypeRow>;

/** TensorFlow's dtypes by their names in Python; `TF_HALF` is float16. */
export type DType = keyof typeof TABLE;

/** Returns the row of a dtype. @throws UserError for an unknown dtype */
export function dtypeRow(dtype: DType): DTypeRow {
  const row = (TABLE as Record<string, DTypeRow>)[dtype];
  if (!row) throw new UserError(`There is no dtype "${dtype}". Known: ${Object.keys(TABLE).join(", ")}.`);
  return row;
}

const BY_CODE = new Map<number, DType>(
  Object.entries(TABLE).map(([name, { code }]) => [code, name as DType]),
);

/** Returns whether the table has a `TF_DataType`. It lacks a few of TensorFlow's, for quantised values. */
export function isKnownCode(code: number): boolean {
  return BY_CODE.has(code);
}

/** Returns the dtype of a `TF_DataType`. @throws UserError for one that the table lacks */
export function dtypeOfCode(code: number): DType {
  const dtype = BY_CODE.get(code);
  if (!dtype) throw new UserError(`TensorFlow's dtype number ${code} is not supported here.`);
  return dtype;
}
