// Reads state dicts of torch.save, without PyTorch and without running anything in them.

import { closeSync, fstatSync, openSync } from "node:fs";
import { UserError } from "../common/errors";
import { requireFile } from "../common/files/files";
import { elementCount } from "../common/vectors";
import { crcOf, readBytes } from "./bytes";
import { ChecksumCheck } from "./checksums";
import { DTYPE_BYTES } from "./dtypes";
import type { PickleValue } from "./pickle";
import { readLegacy } from "./pytorch_legacy";
import {
  copyRowMajor,
  isRowMajor,
  malformed,
  type Place,
  type PyTorchContent,
  StoredTensor,
  spanOf,
} from "./pytorch_tensors";
import { readZip } from "./pytorch_zip";
import { findTensor, joinNames, readFloats, type TensorFile, tensorReaders } from "./tensor_file";

/** Keys of the state of optimizers and the like: tensors that are not weights. */
const NO_WEIGHTS = /^(optimi[sz]er|optim|lr_scheduler|scheduler|scaler|loops|callbacks)/i;
/** The deepest level of nested dicts that is searched: no training script nests deeper. */
const MOST_LEVELS = 8;

/**
 * Opens a PyTorch state dict (.pt, .pth, .bin): the zip file of torch.save since 1.6, or the raw pickle from before.
 * Finds nested weights (`{"state_dict": ...}`); if there are several such dicts (`student` and `teacher`), lists all of
 * them, each name with its dict's name in front: `teacher.conv1.weight`. Ignores values that are not tensors.
 * @throws UserError if it is missing, cut short, of another kind, or asks for more than tensors (`readPickle`)
 * @example
 * const file = await openPyTorch("model.pt"); [...file.tensors.keys()];
 */
export async function openPyTorch(path: string): Promise<TensorFile> {
  requireFile(path, "a PyTorch file");
  const file = openSync(path, "r");
  try {
    const { root, places } = await readContent(path, file);
    const tensors = stateDict(path, root);
    const fileBytes = fstatSync(file).size;
    const check = new ChecksumCheck(path, file, "Then make or download it again.");
    const readInto = (name: string, memory: Float32Array) => {
      const tensor = findTensor(path, tensors, name);
      const { storage, offset, dtype } = tensor;
      const place = places.get(storage.key)!;
      requireWhole(path, file, check, storage.key, place);
      const start = place.start + offset * DTYPE_BYTES[dtype];
      if (isRowMajor(tensor)) return readFloats({ path, file, name }, dtype, start, memory);
      const span = new Float32Array(spanOf(tensor));
      readFloats({ path, file, name }, dtype, start, span);
      copyRowMajor(tensor, span, memory);
    };
    return {
      metadata: {},
      tensors,
      ...tensorReaders(path, tensors, readInto, (name) =>
        refuseRepeated(path, fileBytes, name, tensors.get(name)!),
      ),
      close: () => closeSync(file),
    };
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

async function readContent(path: string, file: number): Promise<PyTorchContent> {
  const fileBytes = fstatSync(file).size;
  const start = Buffer.from(readBytes(path, file, 0, Math.min(4, fileBytes))).toString("latin1");
  if (start.startsWith("PK")) return readZip(path, file);
  if (start.startsWith("\x80")) return readLegacy(path, file, fileBytes);
  throw malformed(path, "it is neither a zip archive nor a pickle");
}

/** @throws UserError if a storage's bytes do not have its CRC-32 */
function requireWhole(
  path: string,
  file: number,
  check: ChecksumCheck,
  key: string,
  { start, length, crc32 }: Place,
): void {
  const part = `storage ${key}`;
  if (crc32 === undefined || check.isKnown(part)) return;
  check.compare(part, crcOf(path, file, start, length), crc32);
}

/**
 * Refuses tensors that are larger than their file: with a stride of 0, which repeats numbers, a kilobyte can ask for
 * gigabytes.
 * @throws UserError for such a tensor
 */
function refuseRepeated(
  path: string,
  fileBytes: number,
  name: string,
  { shape, strides, dtype }: StoredTensor,
): void {
  if (elementCount(shape) * DTYPE_BYTES[dtype] <= fileBytes) return;
  throw new UserError(
    `${path}: tensor "${name}" [${shape}] repeats its numbers (strides [${strides}]): it would be larger than the file.`,
    "Save it without repetition: tensor.contiguous().",
  );
}

/** A nested dict of tensors, with the keys that lead to it. */
interface FoundDict {
  keys: string[];
  tensors: [string, StoredTensor][];
}

/** Returns the tensors of a file's state dict, or of all its state dicts. */
function stateDict(path: string, root: PickleValue): Map<string, StoredTensor> {
  const found = findDicts(root);
  if (found.length === 1) return new Map(found[0]!.tensors);
  if (found.length > 1) {
    return new Map(
      found.flatMap(({ keys, tensors }) =>
        tensors.map(([name, tensor]) => [[...keys, name].join("."), tensor] as const),
      ),
    );
  }
  const names = root instanceof Map ? [...root.keys()].filter((key) => typeof key === "string") : [];
  throw new UserError(
    `${path} holds no state dict, neither directly nor nested; its keys: ${joinNames(names)}.`,
    "Save the weights alone: torch.save(model.state_dict(), path).",
  );
}

function findDicts(
  value: PickleValue,
  keys: readonly string[] = [],
  seen: Set<PickleValue> = new Set(),
): FoundDict[] {
  if (!(value instanceof Map) || seen.has(value) || keys.length > MOST_LEVELS) return [];
  seen.add(value);
  const entries = [...(value as Map<PickleValue, PickleValue>)].filter(
    (entry): entry is [string, PickleValue] => typeof entry[0] === "string",
  );
  const tensors = entries.filter(
    (entry): entry is [string, StoredTensor] => entry[1] instanceof StoredTensor,
  );
  const nested = entries
    .filter(([key]) => !NO_WEIGHTS.test(key))
    .flatMap(([key, inner]) => findDicts(inner, [...keys, key], seen));
  return tensors.length > 0 ? [{ keys: [...keys], tensors }, ...nested] : nested;
}
