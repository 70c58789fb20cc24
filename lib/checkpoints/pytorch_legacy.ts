import { byteReader } from "./bytes";
import { DTYPE_BYTES } from "./dtypes";
import { type PickleRules, readPickle } from "./pickle";
import { malformed, type PyTorchContent, type Storage, stateDictRules } from "./pytorch_tensors";

/** The first of the pickles that follow each other in such a file. */
const MAGIC_NUMBER = 0x1950a86a20f9469cfc6cn;
const PROTOCOL_VERSION = 1001;
const COUNT_BYTES = 8;

/**
 * Reads a file of torch.save before PyTorch 1.6: pickles of a magic number, a version, the machine's properties, the
 * object and the keys of its storages; then for each key the number of its numbers (int64) and these.
 * @throws UserError when it is cut short, written by something else, or asks for more than tensors
 */
export function readLegacy(path: string, file: number, fileBytes: number): PyTorchContent {
  const reader = byteReader(path, file, 0, fileBytes);
  const plain: PickleRules = { path, globals: new Map() };
  if (readPickle(reader, plain) !== MAGIC_NUMBER) throw malformed(path, "it is a pickle, but not PyTorch's");
  const version = readPickle(reader, plain);
  if (version !== PROTOCOL_VERSION)
    throw malformed(path, `its version is ${version}, expected ${PROTOCOL_VERSION}`);
  const machine = readPickle(reader, plain);
  if (!(machine instanceof Map) || machine.get("little_endian") !== true) {
    throw malformed(path, "it was not written by a little-endian machine");
  }
  const storages = new Map<string, Storage>();
  const root = readPickle(
    reader,
    stateDictRules(path, (storage) => storages.set(storage.key, storage)),
  );
  const keys = readPickle(reader, plain);
  if (!Array.isArray(keys)) throw malformed(path, "the keys of its storages are no list");
  let position = reader.position();
  const storageStarts = new Map<string, number>();
  for (const key of keys) {
    const storage = storages.get(key);
    if (!storage) throw malformed(path, `storage ${key} belongs to no tensor`);
    const count = Number(byteReader(path, file, position, fileBytes).take(COUNT_BYTES).readBigInt64LE());
    if (count !== storage.count)
      throw malformed(path, `storage ${key} holds ${count} numbers, expected ${storage.count}`);
    storageStarts.set(key, position + COUNT_BYTES);
    position += COUNT_BYTES + count * DTYPE_BYTES[storage.dtype];
  }
  const lost = [...storages.keys()].find((key) => !storageStarts.has(key));
  if (lost !== undefined) throw malformed(path, `storage ${lost} is missing`);
  if (position > fileBytes)
    throw malformed(path, `it is cut short: its tensors end at byte ${position} of ${fileBytes}`);
  return { root, storageStarts };
}
