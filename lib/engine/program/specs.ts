// Shapes and dtypes of inputs and variables.
import { inspect } from "node:util";
import { UserError } from "../../common/errors";
import { type DType, dtypeRow } from "../native/dtypes";
import { assertName } from "../tracing/scope";

/** Shape and dtype of an input or a variable. */
export interface TensorSpec {
  /** Lengths. An input's may be null if only a run knows it; tfjs operations reject such an input, `rawOp` does not. */
  shape: readonly (number | null)[];
  /** Default: float32. */
  dtype?: DType;
}

/**
 * Checks a spec and its name, and returns the spec with its dtype. Call it outside of traces.
 * @param what kind of thing, for messages: "input", "variable"
 * @throws UserError where the name is no valid node name, the shape no list of lengths, or the dtype unknown
 */
export function checkedSpec(what: string, name: string, spec: TensorSpec): Required<TensorSpec> {
  assertName(what, name);
  const { shape, dtype = "float32" } = spec ?? {};
  dtypeRow(dtype);
  const isLength = (length: number | null) =>
    length === null ? what === "input" : Number.isInteger(length) && length >= 0;
  if (Array.isArray(shape) && shape.every(isLength)) return { shape, dtype };
  throw new UserError(
    `The ${what} "${name}" needs a shape, a list of lengths; got ${inspect(shape)}.`,
    `For example { ${name}: { shape: [8, 3], dtype: "float32" } }; [] is a single number.`,
  );
}
