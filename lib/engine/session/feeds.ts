// Converts JavaScript values into a session's feeds.
import { inspect } from "node:util";
import { nearestName, UserError } from "../../common/errors";
import { describeTensor, type GraphTensor } from "../graph/graph";
import { type DType, dtypeRow, type NumericArray } from "../native/dtypes";
import { assertFits, HostTensor, type TensorValue } from "../native/host_tensor";

/**
 * Values for a tensor of known dtype and shape, in row-major order; a `TensorValue`, with its own shape, where the
 * tensor's shape is open. A HostTensor is not copied.
 */
export type FeedValue =
  | NumericArray
  | readonly number[]
  | number
  | HostTensor
  | readonly Uint8Array[]
  | TensorValue;

/** Dtype and shape that values must match. */
type TensorType = Pick<GraphTensor, "dtype" | "shape">;

/**
 * Converts values into the form that a session takes.
 * @param what names the tensor in messages: "the input x"
 * @throws UserError where their number, dtype or shape differ from the tensor's
 */
export function feedFor(what: string, tensor: TensorType, value: FeedValue): TensorValue | HostTensor {
  const shape = tensor.shape as readonly number[];
  const { dtype } = tensor;
  if (value instanceof HostTensor || isTensorValue(value)) {
    const isShape =
      value.shape.length === shape.length &&
      value.shape.every((length, i) => (shape[i] ?? length) === length);
    if (value.dtype === dtype && isShape) return value;
    const name = value instanceof HostTensor ? "HostTensor" : "value";
    throw new UserError(`${what} is ${describeTensor(tensor)}, got a ${name} ${describeTensor(value)}.`);
  }
  const isList = typeof value === "number" || Array.isArray(value) || ArrayBuffer.isView(value);
  if (!isList) {
    throw new UserError(
      `${what} is ${describeTensor(tensor)}; got ${kindOf(value)}.`,
      "Give its values in row-major order, as a typed array or a list; those of a tfjs tensor are `await tensor.data()`.",
    );
  }
  if (shape.some((length: number | null) => length === null)) {
    throw new UserError(
      `${what} is ${describeTensor(tensor)}: its values need an explicit shape.`,
      `Give { dtype: "${dtype}", shape: [...], data }.`,
    );
  }
  const fed = { dtype, shape, data: typedValues(what, value, tensor) };
  assertFits(fed, what);
  return fed;
}

function isTensorValue(value: FeedValue): value is TensorValue {
  if (typeof value !== "object" || value === null || !("dtype" in value && "shape" in value)) return false;
  return "data" in value && typeof value.data !== "function"; // `data` of a tfjs tensor is a function
}

/** Describes a value for messages: "a Tensor", "null", "'text'". */
function kindOf(value: unknown): string {
  return typeof value === "object" && value ? `a ${value.constructor.name}` : inspect(value);
}

/** Dtypes that are held as raw bits: a plain number would be misread as bits. */
const RAW_BITS: readonly DType[] = ["bfloat16", "float16"];

/**
 * Converts plain numbers to the typed array of the dtype; returns everything else unchanged.
 * @throws UserError for a number that the dtype cannot hold: nothing is rounded to whole numbers or truncated
 */
function typedValues(
  what: string,
  value: Exclude<FeedValue, HostTensor | TensorValue>,
  tensor: TensorType,
): TensorValue["data"] {
  const numbers = typeof value === "number" ? [value] : value;
  const { array } = dtypeRow(tensor.dtype);
  if (!Array.isArray(numbers) || !array) return numbers as TensorValue["data"];
  if (RAW_BITS.includes(tensor.dtype)) {
    throw new UserError(
      `${what} is ${describeTensor(tensor)}: its values are raw bits, in a Uint16Array.`,
      "Make the input float32, and cast it in the traced function.",
    );
  }
  const typed = new array(numbers.length);
  const isFloat = typed instanceof Float32Array || typed instanceof Float64Array;
  for (const [i, number] of numbers.entries()) {
    const isHeld = typeof number === "number" && (isFloat || Number.isInteger(number));
    if (isHeld)
      typed[i] = typed instanceof BigInt64Array || typed instanceof BigUint64Array ? BigInt(number) : number;
    if (isHeld && (isFloat || Number(typed[i]) === number)) continue;
    throw new UserError(
      `${what} is ${describeTensor(tensor)}; value ${i} of the list is ${inspect(number, { depth: 0 })}.`,
      "Give numbers of that dtype in one flat list, in row-major order.",
    );
  }
  return typed;
}

/**
 * Returns the feeds of a call.
 * @param owner name of the function, for messages
 * @param values values by input name
 * @throws UserError where an input is missing, unknown or does not match
 */
export function feedsOf<T extends TensorType>(
  owner: string,
  inputs: Readonly<Record<string, T>>,
  values: Readonly<Record<string, FeedValue>> = {},
): [T, TensorValue | HostTensor][] {
  const known = Object.keys(inputs);
  const unknown = Object.keys(values).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const near = nearestName(unknown, known);
    throw new UserError(
      `${owner} has no input "${unknown}".`,
      near ? `Did you mean "${near}"?` : `Its inputs: ${known.join(", ") || "none"}.`,
    );
  }
  return known.map((name) => {
    const value = values[name];
    if (value === undefined) {
      throw new UserError(`${owner} needs the input "${name}": ${describeTensor(inputs[name]!)}.`);
    }
    return [inputs[name]!, feedFor(`The input "${name}" of ${owner}`, inputs[name]!, value)];
  });
}
