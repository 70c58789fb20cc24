// State dicts as torch.save writes them, read without PyTorch and without running anything in them.
import { closeSync, fstatSync, openSync } from "node:fs";
import { UserError } from "../common/errors";
import { requireFile } from "../common/files/files";
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
import { elementCount } from "./safetensors_header";
import { findTensor, listNames, readFloats, type TensorFile, tensorReaders } from "./tensor_file";

/** Keys of what optimizers and the like keep: tensors, but no weights. */
const NO_WEIGHTS = /^(optimi[sz]er|optim|lr_scheduler|scheduler|scaler|loops|callbacks)/i;
/** Dicts within dicts that are looked into: no training script nests deeper. */
const MOST_LEVELS = 8;

/**
 * Opens a PyTorch state dict (.pt, .pth, .bin): the zip file of torch.save since 1.6, or the raw pickle from before.
 * Where the weights are nested (`{"state_dict": ...}`), these are listed; where there are several such dicts (`student`
 * and `teacher`), all of them, each name behind its dict's: `teacher.conv1.weight`. What is no tensor is left out.
 * @throws UserError when it is missing, cut short, of another kind, or asks for more than tensors (`readPickle`)
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

/** @throws UserError when a storage's bytes are not those of its CRC-32 */
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
 * A stride of 0 repeats numbers: a file of a kilobyte can ask for gigabytes.
 * @throws UserError for a tensor that is larger than the file it comes from
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
    "Save it as it is used: tensor.contiguous().",
  );
}

/** Tensors by name, of a dict that is found at some keys. */
interface FoundDict {
  keys: string[];
  tensors: [string, StoredTensor][];
}

/** The tensors of the state dict that a file holds, or of all of them. */
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
    `${path} holds no state dict, neither directly nor nested; its keys: ${listNames(names)}.`,
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
