import yauzl from "yauzl";
import { messageOf, UserError } from "../common/errors";
import { byteReader, readBytes } from "./bytes";
import { DTYPE_BYTES } from "./dtypes";
import { readPickle } from "./pickle";
import { malformed, type PyTorchContent, type Storage, stateDictRules } from "./pytorch_tensors";

/** Where a file of the archive stands; PyTorch never compresses. */
interface Member {
  start: number;
  length: number;
}

const PICKLE = "data.pkl";
const BYTE_ORDER = "byteorder";
/** Only torch.jit.save writes it: the constants of a program. */
const SCRIPT = "constants.pkl";
const IS_READ = /^(data\.pkl|constants\.pkl|byteorder|data\/[^/]+)$/;

/**
 * Reads a file of torch.save since PyTorch 1.6: a zip archive of `<name>/data.pkl`, and `<name>/data/<key>` for each
 * storage.
 * @throws UserError when it is cut short, written by something else, or asks for more than tensors
 */
export async function readZip(path: string, file: number): Promise<PyTorchContent> {
  const members = await listMembers(path);
  if (members.has(SCRIPT)) throw scriptRefused(path);
  const pickle = members.get(PICKLE);
  if (!pickle) throw malformed(path, `the archive holds no ${PICKLE}`);
  requireLittleEndian(path, file, members.get(BYTE_ORDER));
  const storageStarts = new Map<string, number>();
  const reader = byteReader(path, file, pickle.start, pickle.start + pickle.length);
  const root = readPickle(
    reader,
    stateDictRules(path, (storage) => {
      storageStarts.set(storage.key, storageStart(path, storage, members.get(`data/${storage.key}`)));
    }),
  );
  return { root, storageStarts };
}

function scriptRefused(path: string): UserError {
  return new UserError(
    `${path} is a TorchScript archive (torch.jit.save): a program with its weights. Nothing was executed.`,
    `Save the weights alone, in Python: torch.save(torch.jit.load("${path}").state_dict(), "weights.pt"); then --from weights.pt.`,
  );
}

/** The archive's files that are read, by name, without the folder in which PyTorch puts all of them. */
async function listMembers(path: string): Promise<Map<string, Member>> {
  try {
    const zip = await yauzl.openPromise(path, { lazyEntries: true, autoClose: false });
    try {
      const members = new Map<string, Member>();
      for await (const entry of zip.eachEntry()) {
        const name = entry.fileName.slice(entry.fileName.indexOf("/") + 1);
        if (!IS_READ.test(name)) continue;
        if (entry.compressionMethod !== 0) throw new Error(`${entry.fileName} is compressed`);
        const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
        members.set(name, { start: fileDataStart, length: entry.uncompressedSize });
      }
      return members;
    } finally {
      zip.close();
    }
  } catch (error) {
    throw malformed(path, messageOf(error));
  }
}

/** PyTorch before 2.1 did not say; it wrote the machine's order, and these are little-endian. */
function requireLittleEndian(path: string, file: number, member: Member | undefined): void {
  if (!member) return;
  const order = Buffer.from(readBytes(path, file, member.start, member.length)).toString("latin1");
  if (order !== "little") throw malformed(path, `its byte order is "${order}", expected "little"`);
}

function storageStart(path: string, { key, dtype, count }: Storage, member: Member | undefined): number {
  const expected = count * DTYPE_BYTES[dtype];
  if (member && member.length >= expected) return member.start;
  const found = member ? `${member.length}` : "none";
  throw malformed(path, `storage ${key} takes ${expected} bytes, found ${found}`);
}
