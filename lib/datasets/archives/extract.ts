// Writes an archive's entries to disk and checks each against limits.
import { createWriteStream, existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { crc32 } from "node:zlib";
import { sameName } from "../../common/files/unicode_names";
import { checkInterrupt } from "../../common/interrupt";
import type { OnProgress } from "../../common/progress";
import { type ArchiveEntry, type OpenArchive, sniffArchive } from "./entry";
import { checkedEntryPath, unwrapped } from "./entry_path";
import { Refusal } from "./refusal";
import { openTar } from "./tar";
import { openZip } from "./zip";
import type { NamesReading, ZipEncoding } from "./zip_names";

/** Limits on the unpacked content of an archive. */
export interface UnpackLimits {
  maxEntries: number;
  maxBytes: number;
  /** Maximum unpacked bytes per byte of the archive, beyond the first 100 MB: photos hardly compress. */
  maxRatio: number;
}

/** Default limits, well above the largest of the 14 data sets. */
export const UNPACK_LIMITS: UnpackLimits = { maxEntries: 10_000_000, maxBytes: 2e12, maxRatio: 50 };
const BYTES_WITHOUT_RATIO = 100_000_000;
const BYTES_PER_MB = 1_000_000;
/** Smaller files are written at once: for a photo, a stream costs more than its bytes. */
const LARGE_FILE_BYTES = 8_000_000;

/** Options for unpacking an archive. */
export interface ExtractOptions {
  /** Folder inside the archive whose content moves to the top; other entries keep their paths. */
  unwrap?: string | undefined;
  limits?: UnpackLimits;
  /** Encoding of ZIP names without a UTF-8 mark; guessed if omitted. */
  zipEncoding?: ZipEncoding | undefined;
  onProgress?: OnProgress | undefined;
}

/** Result of unpacking an archive. */
export interface Unpacked {
  files: number;
  bytes: number;
  /** Decoding of ZIP names without a UTF-8 mark; undefined if all have one. */
  names?: NamesReading;
}

/**
 * Writes the files of an archive below `target`. An existing file of full size is kept: an interrupted call wrote it.
 * @param destination final folder of the files; none of them may exist there
 * @throws Refusal for an archive with links, special files, unsafe paths or existing files; other errors for a damaged
 * archive
 */
export async function extract(
  path: string,
  target: string,
  destination: string,
  { unwrap, limits = UNPACK_LIMITS, zipEncoding, onProgress }: ExtractOptions,
): Promise<Unpacked> {
  const archive = await openArchive(path, zipEncoding);
  const archiveBytes = statSync(path).size;
  const totalMb = Math.ceil(archiveBytes / BYTES_PER_MB);
  const report = (done: number) =>
    onProgress?.({ stage: `Unpack ${path}`, done, total: totalMb, unit: "MB" });
  const unpacked: Unpacked = { files: 0, bytes: 0, ...(archive.names && { names: archive.names }) };
  const seen = new Set<string>();
  try {
    for await (const entry of archive.entries) {
      await checkInterrupt();
      const name = sameName(unwrapped(checkedEntryPath(entry.path), unwrap));
      if (entry.kind === "folder") mkdirSync(join(target, name), { recursive: true });
      else {
        checkFile(entry, name, seen, destination);
        unpacked.files++;
        unpacked.bytes += entry.bytes;
        checkLimits(unpacked, archiveBytes, limits);
        await writeEntry(entry, join(target, name));
      }
      // The total is reported once, at the end: a tar archive is read ahead of its entries.
      report(Math.floor(Math.min(archive.bytesRead() / BYTES_PER_MB, totalMb - 1)));
    }
    report(totalMb);
  } finally {
    archive.close();
  }
  return unpacked;
}

function checkFile({ kind, path }: ArchiveEntry, name: string, seen: Set<string>, destination: string): void {
  if (kind === "link") throw new Refusal(`${path} is a link, and links are not unpacked`);
  if (kind === "other") throw new Refusal(`${path} is neither a file nor a folder`);
  if (name === "" || seen.has(name)) throw new Refusal(`${path} occurs in it twice`);
  const inPlace = join(destination, name);
  if (existsSync(inPlace)) throw new Refusal(`${inPlace} is there already`);
  seen.add(name);
}

async function openArchive(path: string, zipEncoding?: ZipEncoding): Promise<OpenArchive> {
  const kind = sniffArchive(path);
  if (kind === "zip") return openZip(path, zipEncoding);
  if (kind === "tar") return openTar(path);
  throw new Error("by its first bytes, it is not a ZIP, tar or tar.gz archive");
}

/** Checks the limits before the content is read: an entry that is too large never reaches the disk. */
function checkLimits({ files, bytes }: Unpacked, archiveBytes: number, limits: UnpackLimits): void {
  if (files > limits.maxEntries) throw new Refusal(`it holds more than ${limits.maxEntries} files`);
  if (bytes > limits.maxBytes) throw new Refusal(`it unpacks to more than ${limits.maxBytes} bytes`);
  if (bytes > BYTES_WITHOUT_RATIO + limits.maxRatio * archiveBytes) {
    throw new Refusal(`it unpacks to more than ${limits.maxRatio} times its ${archiveBytes} bytes`);
  }
}

async function writeEntry(entry: ArchiveEntry, path: string): Promise<void> {
  if (statSync(path, { throwIfNoEntry: false })?.size === entry.bytes) return;
  mkdirSync(dirname(path), { recursive: true });
  if (entry.bytes > LARGE_FILE_BYTES) await pipeline(checked(entry), createWriteStream(path));
  else writeFileSync(path, await contentOf(entry));
}

async function contentOf(entry: ArchiveEntry): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of checked(entry)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/**
 * Yields the content of an entry.
 * @throws Error if size or checksum differ from the archive's record
 */
async function* checked({ path, bytes, crc32: expected, open }: ArchiveEntry): AsyncGenerator<Uint8Array> {
  let found = 0;
  let sum = 0;
  for await (const chunk of await open()) {
    found += chunk.length;
    if (found > bytes) throw new Error(`${path} has more than ${bytes} bytes`);
    if (expected !== undefined) sum = crc32(chunk, sum);
    yield chunk;
  }
  if (found !== bytes) throw new Error(`${path} has ${found} of ${bytes} bytes`);
  if (expected !== undefined && sum !== expected) throw new Error(`${path} is damaged: its checksum differs`);
}
