// What an archive and its entries are, whatever its format.
import { closeSync, openSync, readSync } from "node:fs";
import type { NamesReading } from "./zip_names";

/** One file or folder of an archive, before it is unpacked. */
export interface ArchiveEntry {
  /** As the archive says it: to be checked before it is used. */
  path: string;
  kind: "file" | "folder" | "link" | "other";
  /** Size once unpacked. */
  bytes: number;
  /** CRC-32 of the content, where the archive knows it. */
  crc32?: number;
  /** The content of a file. Must be read, or left alone, before the next entry is asked for. */
  open: () => Promise<AsyncIterable<Uint8Array>>;
}

/** An archive that is being read, entry after entry. */
export interface OpenArchive {
  entries: AsyncIterable<ArchiveEntry>;
  /** How its names were read, where that is not certain. */
  names?: NamesReading | undefined;
  /** How much of the archive's file has been read. */
  bytesRead: () => number;
  close: () => void;
}

/** Names of archives that are unpacked. */
export const ARCHIVE_NAME = /\.(zip|tar|tar\.gz|tgz)$/i;
/** Names of archives, and parts of archives, for which another program is needed. */
export const FOREIGN_ARCHIVE_NAME =
  /\.(7z|rar|xz|bz2|tbz2?|txz|zst|z\d\d|zip\.\d+|(tar|tar\.gz|tgz)\.?[a-z]?[a-z\d]{1,2})$/i;

/** Whether a name is that of an archive, or of a part of one. */
export function isArchiveName(name: string): boolean {
  return ARCHIVE_NAME.test(name) || FOREIGN_ARCHIVE_NAME.test(name);
}

const SIGNATURES = [
  ["zip", 0, "PK\x03\x04"],
  ["zip", 0, "PK\x05\x06"], // without entries
  ["tar", 0, "\x1f\x8b"], // compressed
  ["tar", 257, "ustar"],
] as const;
const SIGNATURE_BYTES = 262;

/** What the file is by its first bytes, whatever it is called. */
export function sniffArchive(path: string): "zip" | "tar" | undefined {
  const head = Buffer.alloc(SIGNATURE_BYTES);
  const file = openSync(path, "r");
  try {
    readSync(file, head, 0, SIGNATURE_BYTES, 0);
  } finally {
    closeSync(file);
  }
  const text = head.toString("latin1");
  return SIGNATURES.find(([, at, signature]) => text.startsWith(signature, at))?.[0];
}
