// Writes an archive's entries to disk, each checked against limits.
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

/** What an archive may unpack to. */
export interface UnpackLimits {
  maxEntries: number;
  maxBytes: number;
  /** Unpacked bytes for each byte of the archive, beyond the first 100 MB: photos hardly shrink in an archive. */
  maxRatio: number;
}

/** Well above the largest of the 14 data sets. */
export const UNPACK_LIMITS: UnpackLimits = { maxEntries: 10_000_000, maxBytes: 2e12, maxRatio: 50 };
const BYTES_WITHOUT_RATIO = 100_000_000;
const BYTES_PER_MB = 1_000_000;
/** Smaller files are written in one piece: for a photo, a stream costs more than its bytes. */
const LARGE_FILE_BYTES = 8_000_000;

/** What is done with an archive. */
export interface ExtractOptions {
  /** A folder inside the archive whose content goes to the top; what lies beside it keeps its place. */
  unwrap?: string | undefined;
  limits?: UnpackLimits;
  /** Of names that do not say that they are UTF-8; guessed unless told. */
  zipEncoding?: ZipEncoding | undefined;
  onProgress?: OnProgress | undefined;
}

/** What an archive was unpacked to. */
export interface Unpacked {
  files: number;
  bytes: number;
  /** How names of a ZIP archive were read that do not say what they are; undefined where all do. */
  names?: NamesReading;
}

/**
 * Writes the files of an archive below `target`. A file that stands there with its full size is left: it was written
 * before an interruption.
 * @param destination where they go in the end: nothing that is there may be among them
 * @throws Refusal for an archive that asks for more than files and folders of its own; other errors where it is damaged
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
      // The whole is told once, at the end: a tar archive is read ahead of its entries.
      report(Math.floor(Math.min(archive.bytesRead() / BYTES_PER_MB, totalMb - 1)));
    }
    report(totalMb);
  } finally {
    archive.close();
  }
  return unpacked;
}

function checkFile({ kind, path }: ArchiveEntry, name: string, seen: Set<string>, destination: string): void {
  if (kind === "link") throw new Refusal(`${path} is a link, and links are not made`);
  if (kind === "other") throw new Refusal(`${path} is neither a file nor a folder`);
  if (name === "" || seen.has(name)) throw new Refusal(`${path} is in it twice`);
  const inPlace = join(destination, name);
  if (existsSync(inPlace)) throw new Refusal(`${inPlace} is there already`);
  seen.add(name);
}

async function openArchive(path: string, zipEncoding?: ZipEncoding): Promise<OpenArchive> {
  const kind = sniffArchive(path);
  if (kind === "zip") return openZip(path, zipEncoding);
  if (kind === "tar") return openTar(path);
  throw new Error("it is no ZIP, tar or tar.gz archive, by its first bytes");
}

/** Checked before the content is read: what is too large never reaches the disk. */
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

/** The content of an entry; an error where it is not what the archive says. */
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
