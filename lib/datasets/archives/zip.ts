// Opens ZIP archives.
import yauzl from "yauzl";
import type { ArchiveEntry, OpenArchive } from "./entry";
import { decodeName, type NamesReading, readingOf, type ZipEncoding } from "./zip_names";

const FILE_TYPE = 0o170000;
/** File type of a Unix mode -> kind of entry; a mode without a type is a plain file. */
const KINDS = new Map<number, ArchiveEntry["kind"]>([
  [0, "file"],
  [0o100000, "file"],
  [0o040000, "folder"],
  [0o120000, "link"],
]);
const MADE_ON_UNIX = 3;

/** General purpose flag of a UTF-8 name. */
const UTF8_FLAG = 0x800;
/** Extra field in which Info-ZIP repeats a name in UTF-8. */
const UNICODE_PATH = 0x7075;

/**
 * Opens a ZIP archive.
 * @param encoding of names without a UTF-8 mark; guessed from all names if omitted
 * @throws Error for a file that is damaged or not a ZIP archive; UserError for names that are not in that encoding
 */
export async function openZip(path: string, encoding?: ZipEncoding): Promise<OpenArchive> {
  const names = readingOf(await namesWithoutEncoding(path), encoding);
  const zip = await openRaw(path);
  let bytesRead = 0;
  async function* entries(): AsyncGenerator<ArchiveEntry> {
    for await (const entry of zip.eachEntry()) {
      const fileName = nameOf(entry, names);
      yield {
        path: fileName,
        kind: kindOf(entry, fileName),
        bytes: entry.uncompressedSize,
        crc32: entry.crc32,
        open: () => {
          if (entry.isEncrypted()) throw new Error(`${fileName} needs a password`);
          // yauzl fails on an entry that unpacks to more or fewer bytes than recorded.
          return zip.openReadStreamPromise(entry);
        },
      };
      bytesRead += entry.compressedSize;
    }
  }
  return { entries: entries(), names, bytesRead: () => bytesRead, close: () => zip.close() };
}

/** Opens a ZIP archive with entry names as bytes. */
function openRaw(path: string): Promise<yauzl.ZipFile> {
  return yauzl.openPromise(path, { lazyEntries: true, autoClose: false, decodeStrings: false });
}

async function namesWithoutEncoding(path: string): Promise<Buffer[]> {
  const zip = await openRaw(path);
  const names: Buffer[] = [];
  try {
    for await (const entry of zip.eachEntry()) {
      if (!isMarkedUtf8(entry)) names.push(entry.fileNameRaw);
    }
  } finally {
    zip.close();
  }
  return names;
}

function isMarkedUtf8({ generalPurposeBitFlag, extraFields }: yauzl.Entry): boolean {
  return (generalPurposeBitFlag & UTF8_FLAG) !== 0 || extraFields.some(({ id }) => id === UNICODE_PATH);
}

function nameOf(entry: yauzl.Entry, names: NamesReading | undefined): string {
  const { generalPurposeBitFlag, fileNameRaw, extraFields } = entry;
  if (names === undefined || isMarkedUtf8(entry))
    return yauzl.getFileNameLowLevel(generalPurposeBitFlag, fileNameRaw, extraFields, false);
  return decodeName(fileNameRaw, names.encoding).replaceAll("\\", "/"); // as getFileNameLowLevel does
}

function kindOf(
  { versionMadeBy, externalFileAttributes }: yauzl.Entry,
  fileName: string,
): ArchiveEntry["kind"] {
  if (fileName.endsWith("/")) return "folder";
  if (versionMadeBy >>> 8 !== MADE_ON_UNIX) return "file";
  return KINDS.get((externalFileAttributes >>> 16) & FILE_TYPE) ?? "other";
}
