// Reads files of `torch.save` before PyTorch 1.6.
import { byteReader } from "./bytes";
import { DTYPE_BYTES } from "./dtypes";
import { type PickleRules, type PickleValue, readPickle } from "./pickle";
import { malformed, type Place, type PyTorchContent, type Storage, stateDictRules } from "./pytorch_tensors";

/** The first pickle in such a file. */
const MAGIC_NUMBER = 0x1950a86a20f9469cfc6cn;
const PROTOCOL_VERSION = 1001;
const COUNT_BYTES = 8;

/**
 * Reads a file of torch.save before PyTorch 1.6: pickles of a magic number, a version, the machine's properties, the
 * object and the keys of its storages; then, for each key, the count of the storage's numbers (int64) and the numbers.
 * @throws UserError if it is cut short, written by something else, or asks for more than tensors
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
  const readCount = (start: number) =>
    Number(byteReader(path, file, start, fileBytes).take(COUNT_BYTES).readBigInt64LE());
  const { places, end } = placeStorages(path, keys, storages, reader.position(), readCount);
  if (end > fileBytes)
    throw malformed(path, `it is cut short: its tensors end at byte ${end}, it has ${fileBytes}`);
  return { root, places };
}

/** Finds the places of the storages, which follow each other in the order of their keys. */
function placeStorages(
  path: string,
  keys: readonly PickleValue[],
  storages: ReadonlyMap<PickleValue, Storage>,
  start: number,
  readCount: (start: number) => number,
): { places: Map<string, Place>; end: number } {
  const places = new Map<string, Place>();
  let end = start;
  for (const key of keys) {
    const storage = storages.get(key);
    if (!storage) throw malformed(path, "it lists a storage that belongs to no tensor");
    const count = readCount(end);
    if (count !== storage.count)
      throw malformed(path, `storage ${storage.key} holds ${count} numbers, expected ${storage.count}`);
    const place = { start: end + COUNT_BYTES, length: count * DTYPE_BYTES[storage.dtype] };
    places.set(storage.key, place);
    end = place.start + place.length;
  }
  const lost = [...storages.values()].find(({ key }) => !places.has(key));
  if (lost) throw malformed(path, `storage ${lost.key} is missing`);
  return { places, end };
}
