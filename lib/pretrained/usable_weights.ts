// Checks that a file's tensors are usable as weights: neither quantised, nor NaN or infinite.
import { UserError } from "../common/errors";
import { READABLE_DTYPES } from "../formats/dtypes";
import type { TensorInfo } from "../formats/safetensors_header";
import { joinNames } from "../formats/tensor_file";

/** Names of the scales that quantising libraries store; without them the numbers mean nothing. */
const SCALES =
  /[._](weight_scale(_inv)?|scale_weight|input_scale|SCB|absmax|quant_map|quant_state\S*|q?zeros|g_idx)$/;

/**
 * Throws UserError if a tensor of the tower is not floating-point, or is scaled by another tensor.
 * @param names of the tower's tensors
 * @param isOther true if the file lacks tensors or has others: then scales alone show that it is quantised
 */
export function requireUnquantised(
  path: string,
  tensors: ReadonlyMap<string, TensorInfo>,
  names: readonly string[],
  isOther: boolean,
): void {
  const scaled = [...tensors.keys()].filter((name) => SCALES.test(name));
  const bad = names.filter((name) => {
    const { dtype } = tensors.get(name)!;
    return !READABLE_DTYPES.includes(dtype) || (dtype.startsWith("F8") && scaled.length > 0);
  });
  if (bad.length === 0 && !(isOther && scaled.length > 0)) return;
  const dtypes = [...new Set(bad.map((name) => tensors.get(name)!.dtype))].join(", ");
  const numbers = bad.length > 0 ? `${bad.length} tensors are ${dtypes} (${bad[0]}, ...)` : "";
  const scales = scaled.length > 0 ? `it holds scales (${joinNames(scaled.slice(0, 2))})` : "";
  throw new UserError(
    `${path} holds quantised weights: ${[numbers, scales].filter(Boolean).join("; ")}.`,
    "Take the original's weights, or save them as numbers, in Python: model.dequantize() or model.float(), then its " +
      `state_dict(). These are read: ${READABLE_DTYPES.join(", ")}.`,
  );
}

/** Throws UserError if a tensor has a value that is NaN or infinite. */
export function requireFinite(path: string, name: string, values: Float32Array): void {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * 0; // NaN as soon as one is not finite
  if (sum === 0) return;
  const first = values.findIndex((value) => !Number.isFinite(value));
  const count = values.reduce((bad, value) => (Number.isFinite(value) ? bad : bad + 1), 0);
  throw new UserError(
    `${path}: tensor "${name}" has values that are NaN or infinite as float32: ${count} of ${values.length}, the first ${values[first]} (number ${first}). Nothing was written.`,
    "These weights cannot be used: take another checkpoint of the training that made them, or download the file again.",
  );
}
