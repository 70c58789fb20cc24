// Tensors in files of torch.save: a storage (flat numbers of one type) and a view of it. Both appear in the pickle as
// calls of the few functions below; the numbers themselves are elsewhere in the file.
import { UserError } from "../common/errors";
import { DTYPE_BYTES, type Dtype } from "./dtypes";
import { PickleGlobal, type PickleRules, type PickleValue } from "./pickle";

/** Flat numbers of one type, by the key under which the file keeps them. */
export class Storage {
  constructor(
    readonly key: string,
    readonly dtype: Dtype,
    /** Count of its numbers. */
    readonly count: number,
  ) {}
}

/** A view of a storage; offset and strides count numbers, not bytes. */
export class StoredTensor {
  constructor(
    readonly storage: Storage,
    readonly offset: number,
    readonly shape: number[],
    readonly strides: number[],
  ) {}

  get dtype(): Dtype {
    return this.storage.dtype;
  }
}

/** A range of bytes in the file. */
export interface Place {
  start: number;
  length: number;
  /** Their CRC-32, if the file has it. */
  crc32?: number;
}

/** The content of a PyTorch file. */
export interface PyTorchContent {
  /** The object that was saved. */
  root: PickleValue;
  /** Places of the storages' numbers, by key. */
  places: ReadonlyMap<string, Place>;
}

/** The types of PyTorch's classes of storages. */
const STORAGE_DTYPES: Record<string, Dtype> = {
  "torch.FloatStorage": "F32",
  "torch.HalfStorage": "F16",
  "torch.BFloat16Storage": "BF16",
  "torch.DoubleStorage": "F64",
  "torch.LongStorage": "I64",
  "torch.IntStorage": "I32",
  "torch.ShortStorage": "I16",
  "torch.CharStorage": "I8",
  "torch.ByteStorage": "U8",
  "torch.BoolStorage": "BOOL",
  // counted in bytes; the tensor says what they are
  "torch.storage.UntypedStorage": "U8",
};

/** Types without a class of storages in PyTorch. */
const UNTYPED_DTYPES: Record<string, Dtype> = {
  "torch.float8_e4m3fn": "F8_E4M3",
  "torch.float8_e5m2": "F8_E5M2",
  "torch.float8_e4m3fnuz": "F8_E4M3FNUZ",
  "torch.float8_e5m2fnuz": "F8_E5M2FNUZ",
  "torch.float8_e8m0fnu": "F8_E8M0",
  "torch.uint16": "U16",
  "torch.uint32": "U32",
  "torch.uint64": "U64",
};

/**
 * Makes the rules for the pickle of a state dict: dicts, tensors, parameters, and nothing else.
 * @param onStorage called with every storage that the pickle refers to
 */
export function stateDictRules(path: string, onStorage: (storage: Storage) => void): PickleRules {
  const tensor = (args: PickleValue[]) => rebuildTensor(path, args);
  const types = [STORAGE_DTYPES, UNTYPED_DTYPES].flatMap((table) => Object.keys(table));
  return {
    path,
    globals: new Map<string, ((args: PickleValue[]) => PickleValue) | null>([
      // without items, which are set later; Python 2 gave them as a list of pairs
      ["collections.OrderedDict", ([pairs = []]) => mapOf(path, pairs)],
      // (storage, offset, size, stride, requires_grad, backward_hooks); the first version ends with the stride
      ["torch._utils._rebuild_tensor_v2", tensor],
      ["torch._utils._rebuild_tensor", tensor],
      // (data, requires_grad, backward_hooks)
      ["torch._utils._rebuild_parameter", ([data]) => data],
      // (storage, offset, size, stride, requires_grad, backward_hooks, dtype)
      ["torch._utils._rebuild_tensor_v3", (args) => rebuildTensor(path, withDtype(path, args))],
      // the arguments of a training script, which say nothing about its tensors
      ["argparse.Namespace", () => new Map()],
      ...types.map((name) => [name, null] as const),
    ]),
    persistent: (id) => {
      const storage = storageOf(path, id);
      onStorage(storage);
      return storage;
    },
  };
}

function mapOf(path: string, pairs: PickleValue): Map<PickleValue, PickleValue> {
  if (Array.isArray(pairs) && pairs.every((pair) => Array.isArray(pair) && pair.length === 2))
    return new Map(pairs);
  throw malformed(path, "the items of an OrderedDict are no pairs");
}

/** Reads a persistent id: ("storage", class, key, device, count), before PyTorch 1.6 also a view of another storage. */
function storageOf(path: string, id: PickleValue): Storage {
  const [kind, type, key, , count, view] = Array.isArray(id) ? id : [];
  const dtype = type instanceof PickleGlobal ? STORAGE_DTYPES[type.qualifiedName] : undefined;
  if (kind !== "storage" || !dtype || typeof key !== "string" || !isCount(count) || (view ?? null) !== null) {
    throw malformed(path, "a storage is described in an unknown way");
  }
  return new Storage(key, dtype, count);
}

/** Returns the arguments with the storage's count in numbers of the tensor's type instead of bytes. */
function withDtype(path: string, args: PickleValue[]): PickleValue[] {
  const [storage, ...others] = args;
  const type = args[6];
  const dtype = type instanceof PickleGlobal ? UNTYPED_DTYPES[type.qualifiedName] : undefined;
  if (!(storage instanceof Storage) || storage.dtype !== "U8" || !dtype)
    throw malformed(path, "a tensor is described in an unknown way");
  const count = Math.floor(storage.count / DTYPE_BYTES[dtype]);
  return [new Storage(storage.key, dtype, count), ...others];
}

function rebuildTensor(path: string, args: PickleValue[]): StoredTensor {
  const [storage, offset, shape, strides] = args;
  if (!(storage instanceof Storage) || !isCount(offset) || !isCounts(shape) || !isCounts(strides)) {
    throw malformed(path, "a tensor is described in an unknown way");
  }
  const tensor = new StoredTensor(storage, offset, shape, strides);
  if (strides.length !== shape.length || offset + spanOf(tensor) > storage.count) {
    throw malformed(path, `a tensor [${shape}] reaches beyond its storage of ${storage.count} numbers`);
  }
  return tensor;
}

/** Returns the count of numbers from a tensor's first to its last, both included. */
export function spanOf({ shape, strides }: StoredTensor): number {
  if (shape.includes(0)) return 0;
  return 1 + shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis]!, 0);
}

/**
 * Copies a tensor's span in row-major order: PyTorch saves transposed and cut tensors as views of the whole.
 * @param span the numbers in the file, from the tensor's first to its last
 * @param values the memory to fill, of the tensor's length
 */
export function copyRowMajor(
  { shape, strides }: StoredTensor,
  span: Float32Array,
  values: Float32Array,
): void {
  for (let i = 0; i < values.length; i++) {
    let rest = i;
    let position = 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      position += (rest % shape[axis]!) * strides[axis]!;
      rest = Math.floor(rest / shape[axis]!);
    }
    values[i] = span[position]!;
  }
}

/** Tells whether a tensor's numbers are in row-major order in the file and need no reordering. */
export function isRowMajor({ shape, strides }: StoredTensor): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}

function isCount(value: PickleValue): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isCounts(value: PickleValue): value is number[] {
  return Array.isArray(value) && value.every(isCount);
}

/** Makes the error for a file that torch.save cannot have written. */
export function malformed(path: string, fault: string): UserError {
  return new UserError(`${path} is not a whole PyTorch file: ${fault}.`, "Make or download the file again.");
}
