import { nearestName, UserError } from "../common/errors";
import { dtypeRow, type NumericArray } from "./dtypes";
import { describeTensor, type GraphTensor } from "./graph";
import { assertFits, HostTensor, type TensorValue } from "./host_tensor";

/** Values for a tensor of known dtype and shape, in row-major order. A HostTensor is not copied. */
export type FeedValue = NumericArray | readonly number[] | number | HostTensor | readonly Uint8Array[];

/**
 * Brings values into the form in which a session takes them.
 * @param what for messages: "the input x"
 * @throws UserError where their number, dtype or shape is another than the tensor's
 */
export function feedFor(what: string, tensor: GraphTensor, value: FeedValue): TensorValue | HostTensor {
  const shape = tensor.shape as readonly number[];
  const { dtype } = tensor;
  if (value instanceof HostTensor) {
    if (value.dtype === dtype && String(value.shape) === String(shape)) return value;
    throw new UserError(`${what} is ${describeTensor(tensor)}, got a HostTensor ${describeTensor(value)}.`);
  }
  const fed = { dtype, shape, data: typedValues(value, tensor) };
  assertFits(fed, what);
  return fed;
}

/** Plain numbers become the typed array of the dtype; everything else stays what it is. */
function typedValues(value: Exclude<FeedValue, HostTensor>, { dtype }: GraphTensor): TensorValue["data"] {
  const numbers = typeof value === "number" ? [value] : value;
  if (!Array.isArray(numbers) || typeof numbers[0] !== "number") return numbers as TensorValue["data"];
  const { array } = dtypeRow(dtype);
  if (!array) return numbers as unknown as TensorValue["data"];
  const typed = new array(numbers.length);
  for (const [i, number] of numbers.entries())
    typed[i] = typeof typed[0] === "bigint" ? BigInt(number) : number;
  return typed;
}

/**
 * The feeds of a call by input name.
 * @param owner for messages: the function's name
 * @throws UserError where an input is missing, unknown or does not fit
 */
export function feedsOf(
  owner: string,
  inputs: Readonly<Record<string, GraphTensor>>,
  values: Readonly<Record<string, FeedValue>>,
): [GraphTensor, TensorValue | HostTensor][] {
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
