// What all files of weights have in common, whatever their format.
import { UserError } from "../common/errors";
import { type Dtype, decodeFloats, READABLE_DTYPES } from "./dtypes";
import type { TensorInfo } from "./safetensors_header";

/** An open file of weights. Tensors are read when they are asked for. */
export interface TensorFile {
  /** Texts that travel with the file. */
  metadata: Readonly<Record<string, string>>;
  tensors: ReadonlyMap<string, TensorInfo>;
  /**
   * The values of a floating-point tensor (F32, F16 or BF16) as float32, row-major.
   * @throws UserError when there is no such tensor, or it holds other numbers
   */
  read(name: string): Float32Array;
  close(): void;
}

const NAMES_SHOWN = 8;

/**
 * What a file says of a tensor.
 * @throws UserError naming what it holds instead
 */
export function findTensor<Info>(path: string, tensors: ReadonlyMap<string, Info>, name: string): Info {
  const tensor = tensors.get(name);
  if (tensor) return tensor;
  throw new UserError(`${path} holds no tensor "${name}"; it holds ${listNames([...tensors.keys()])}.`);
}

/**
 * A tensor's bytes (little endian, aligned) as float32.
 * @throws UserError for a type that cannot be read as float32
 */
export function floatsOf(path: string, name: string, dtype: Dtype, bytes: ArrayBuffer): Float32Array {
  const values = decodeFloats(dtype, bytes);
  if (values) return values;
  throw new UserError(
    `${path}: tensor "${name}" is ${dtype}, expected one of ${READABLE_DTYPES.join(", ")}.`,
  );
}

/**
 * Checks that a file holds exactly the tensors that something expects.
 * @param expected name -> shape
 * @param what what expects them, for the message
 * @param next what to do when they differ
 * @throws UserError naming all that are missing, unexpected or of another shape
 */
export function requireTensors(
  path: string,
  found: ReadonlyMap<string, TensorInfo>,
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
    .map(([fault, names]) => `${fault}: ${listNames(names)}`);
  if (faults.length > 0) throw new UserError(`${path} does not fit ${what}: ${faults.join("; ")}.`, next);
}

/** The first few names, for a message. */
export function listNames(names: readonly string[]): string {
  if (names.length === 0) return "nothing";
  const rest = names.length - NAMES_SHOWN;
  return names.slice(0, NAMES_SHOWN).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}
