// Archives and their entries, independent of the format.
import { closeSync, openSync, readSync } from "node:fs";
import type { NamesReading } from "./zip_names";

/** One file or folder of an archive, before it is unpacked. */
export interface ArchiveEntry {
  /** Path from the archive, unchecked. */
  path: string;
  kind: "file" | "folder" | "link" | "other";
  /** Unpacked size. */
  bytes: number;
  /** CRC-32 of the content, if the archive has it. */
  crc32?: number;
  /** Opens a file's content. It must be read or ignored before the next entry is requested. */
  open: () => Promise<AsyncIterable<Uint8Array>>;
}

/** An archive that is read entry by entry. */
export interface OpenArchive {
  entries: AsyncIterable<ArchiveEntry>;
  /** Decoding of its names, if their encoding is not certain. */
  names?: NamesReading | undefined;
  /** Returns the number of bytes read from the archive's file. */
  bytesRead: () => number;
  close: () => void;
}

/** Names of archives that can be unpacked. */
export const ARCHIVE_NAME = /\.(zip|tar|tar\.gz|tgz)$/i;
/** Names of archives, and of parts of archives, that need another program. */
export const FOREIGN_ARCHIVE_NAME =
  /\.(7z|rar|xz|bz2|tbz2?|txz|zst|z\d\d|zip\.\d+|(tar|tar\.gz|tgz)\.?[a-z]?[a-z\d]{1,2})$/i;

/** Returns true for the name of an archive, or of a part of one. */
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

/** Returns a file's archive format by its first bytes, ignoring its name; undefined for any other format. */
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
