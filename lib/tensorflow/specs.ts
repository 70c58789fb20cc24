import { inspect } from "node:util";
import { UserError } from "../common/errors";
import { type DType, dtypeRow } from "./dtypes";
import { assertName } from "./scope";

/** Shape and dtype of an input or a variable. */
export interface TensorSpec {
  shape: readonly number[];
  /** Default float32. */
  dtype?: DType;
}

/**
 * A spec with its dtype, checked together with its name.
 * @param what for messages: "input", "variable"
 * @throws UserError where the name cannot be a node's, the shape is no list of lengths, or the dtype does not exist
 */
export function checkedSpec(what: string, name: string, spec: TensorSpec): Required<TensorSpec> {
  assertName(what, name);
  const { shape, dtype = "float32" } = spec ?? {};
  dtypeRow(dtype);
  if (Array.isArray(shape) && shape.every((length) => Number.isInteger(length) && length >= 0))
    return { shape, dtype };
  throw new UserError(
    `The ${what} "${name}" needs a shape, a list of lengths; got ${inspect(shape)}.`,
    `For example { ${name}: { shape: [8, 3], dtype: "float32" } }; [] is a single number.`,
  );
}
