// State dicts as torch.save writes them, read without PyTorch and without running anything in them.
import { closeSync, fstatSync, openSync } from "node:fs";
import { UserError } from "../common/errors";
import { requireFile } from "../common/files";
import { readBytes } from "./bytes";
import { DTYPE_BYTES } from "./dtypes";
import type { PickleValue } from "./pickle";
import { readLegacy } from "./pytorch_legacy";
import {
  copyRowMajor,
  isRowMajor,
  malformed,
  type PyTorchContent,
  StoredTensor,
  spanOf,
} from "./pytorch_tensors";
import { readZip } from "./pytorch_zip";
import { findTensor, listNames, readFloats, type TensorFile, tensorReaders } from "./tensor_file";

/** Keys below which training scripts keep the weights beside other things. */
const NESTED_UNDER = ["state_dict", "model"];

/**
 * Opens a PyTorch state dict (.pt, .pth, .bin): the zip file of torch.save since 1.6, or the raw pickle from before.
 * Where the weights are nested under `state_dict` or `model`, these are listed; values that are no tensors are not.
 * @throws UserError when it is missing, cut short, of another kind, or asks for more than tensors (`readPickle`)
 */
export async function openPyTorch(path: string): Promise<TensorFile> {
  requireFile(path, "a PyTorch file");
  const file = openSync(path, "r");
  try {
    const { root, storageStarts } = await readContent(path, file);
    const tensors = stateDict(path, root);
    const readInto = (name: string, memory: Float32Array) => {
      const tensor = findTensor(path, tensors, name);
      const { storage, offset, dtype } = tensor;
      const start = storageStarts.get(storage.key)! + offset * DTYPE_BYTES[dtype];
      if (isRowMajor(tensor)) return readFloats({ path, file, name }, dtype, start, memory);
      const span = new Float32Array(spanOf(tensor));
      readFloats({ path, file, name }, dtype, start, span);
      copyRowMajor(tensor, span, memory);
    };
    return {
      metadata: {},
      tensors,
      ...tensorReaders(path, tensors, readInto),
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

/** The tensors of the innermost state dict, by name. */
function stateDict(path: string, root: PickleValue): Map<string, StoredTensor> {
  let dict = root;
  const seen = new Set<PickleValue>();
  while (dict instanceof Map && !seen.has(dict)) {
    seen.add(dict);
    const outer: Map<PickleValue, PickleValue> = dict;
    const key = NESTED_UNDER.find((name) => outer.get(name) instanceof Map);
    if (key === undefined) break;
    dict = outer.get(key);
  }
  const entries = dict instanceof Map ? [...(dict as Map<PickleValue, PickleValue>)] : [];
  const tensors = entries.filter(
    (entry): entry is [string, StoredTensor] => entry[1] instanceof StoredTensor,
  );
  if (tensors.length > 0) return new Map(tensors);
  const keys = entries.map(([key]) => key).filter((key) => typeof key === "string");
  throw new UserError(
    `${path} holds no state dict, neither directly nor under ${NESTED_UNDER.join(" or ")}; its keys: ${listNames(keys)}.`,
    "Save the weights alone: torch.save(model.state_dict(), path).",
  );
}
