import yauzl from "yauzl";
import type { ArchiveEntry, OpenArchive } from "./entry";

const FILE_TYPE = 0o170000;
/** Of a Unix file mode -> what it is; a mode without a type is a plain file. */
const KINDS = new Map<number, ArchiveEntry["kind"]>([
  [0, "file"],
  [0o100000, "file"],
  [0o040000, "folder"],
  [0o120000, "link"],
]);
const MADE_ON_UNIX = 3;

/** Opens a ZIP archive. @throws Error when it is none, or damaged */
export async function openZip(path: string): Promise<OpenArchive> {
  const zip = await yauzl.openPromise(path, { lazyEntries: true, autoClose: false });
  let bytesRead = 0;
  async function* entries(): AsyncGenerator<ArchiveEntry> {
    for await (const entry of zip.eachEntry()) {
      yield {
        path: entry.fileName,
        kind: kindOf(entry),
        bytes: entry.uncompressedSize,
        crc32: entry.crc32,
        open: () => {
          if (entry.isEncrypted()) throw new Error(`${entry.fileName} needs a password`);
          // yauzl stops an entry that unpacks to more, or less, than it says.
          return zip.openReadStreamPromise(entry);
        },
      };
      bytesRead += entry.compressedSize;
    }
  }
  return { entries: entries(), bytesRead: () => bytesRead, close: () => zip.close() };
}

function kindOf({ fileName, versionMadeBy, externalFileAttributes }: yauzl.Entry): ArchiveEntry["kind"] {
  if (fileName.endsWith("/")) return "folder";
  if (versionMadeBy >>> 8 !== MADE_ON_UNIX) return "file";
  return KINDS.get((externalFileAttributes >>> 16) & FILE_TYPE) ?? "other";
}
