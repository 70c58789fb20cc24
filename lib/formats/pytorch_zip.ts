// Reads ZIP files of `torch.save` since PyTorch 1.6.
import yauzl from "yauzl";
import { messageOf, UserError } from "../common/errors";
import { byteReader, crcOf, readBytes } from "./bytes";
import { DTYPE_BYTES } from "./dtypes";
import { readPickle } from "./pickle";
import { malformed, type Place, type PyTorchContent, type Storage, stateDictRules } from "./pytorch_tensors";

const PICKLE = "data.pkl";
const BYTE_ORDER = "byteorder";
/** The constants of a program, which only torch.jit.save writes. */
const SCRIPT = "constants.pkl";
const IS_READ = /^(data\.pkl|constants\.pkl|byteorder|data\/[^/]+)$/;

/**
 * Reads a file of torch.save since PyTorch 1.6: a zip archive of `<name>/data.pkl`, and `<name>/data/<key>` for each
 * storage.
 * @throws UserError if it is cut short, written by something else, or asks for more than tensors
 */
export async function readZip(path: string, file: number): Promise<PyTorchContent> {
  const members = await listMembers(path);
  if (members.has(SCRIPT)) throw scriptRefused(path);
  const pickle = members.get(PICKLE);
  if (!pickle) throw malformed(path, `the archive holds no ${PICKLE}`);
  requireWhole(path, file, PICKLE, pickle);
  requireLittleEndian(path, file, members.get(BYTE_ORDER));
  const places = new Map<string, Place>();
  const reader = byteReader(path, file, pickle.start, pickle.start + pickle.length);
  const root = readPickle(
    reader,
    stateDictRules(path, (storage) => {
      places.set(storage.key, storagePlace(path, storage, members.get(`data/${storage.key}`)));
    }),
  );
  return { root, places };
}

function scriptRefused(path: string): UserError {
  return new UserError(
    `${path} is a TorchScript archive (torch.jit.save): a program with its weights. Nothing was executed.`,
    `Save the weights alone, in Python: torch.save(torch.jit.load("${path}").state_dict(), "weights.pt"); then --from weights.pt.`,
  );
}

/** @throws UserError if a member's bytes do not have its CRC-32 */
function requireWhole(path: string, file: number, name: string, { start, length, crc32 }: Place): void {
  if (crc32 === undefined || crcOf(path, file, start, length) === crc32) return;
  throw malformed(path, `${name} is not as it was written (CRC-32)`);
}

/**
 * Lists the archive's files that are read, by name without PyTorch's top folder; PyTorch never compresses them. A
 * CRC-32 of 0 means none: `torch.serialization.set_crc32_options(False)`.
 */
async function listMembers(path: string): Promise<Map<string, Place>> {
  try {
    const zip = await yauzl.openPromise(path, { lazyEntries: true, autoClose: false });
    try {
      const members = new Map<string, Place>();
      for await (const entry of zip.eachEntry()) {
        const name = entry.fileName.slice(entry.fileName.indexOf("/") + 1);
        if (!IS_READ.test(name)) continue;
        if (entry.compressionMethod !== 0) throw new Error(`${entry.fileName} is compressed`);
        const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
        members.set(name, {
          start: fileDataStart,
          length: entry.uncompressedSize,
          crc32: entry.crc32 === 0 ? undefined : entry.crc32,
        });
      }
      return members;
    } finally {
      zip.close();
    }
  } catch (error) {
    throw malformed(path, messageOf(error));
  }
}

/** Refuses other byte orders. PyTorch before 2.1 did not record it and wrote the machine's: little-endian. */
function requireLittleEndian(path: string, file: number, member: Place | undefined): void {
  if (!member) return;
  requireWhole(path, file, BYTE_ORDER, member);
  const order = Buffer.from(readBytes(path, file, member.start, member.length)).toString("latin1");
  if (order !== "little") throw malformed(path, `its byte order is "${order}", expected "little"`);
}

function storagePlace(path: string, { key, dtype, count }: Storage, member: Place | undefined): Place {
  const expected = count * DTYPE_BYTES[dtype];
  if (member && member.length >= expected) return member;
  const found = member ? `${member.length}` : "none";
  throw malformed(path, `storage ${key} takes ${expected} bytes, found ${found}`);
}
