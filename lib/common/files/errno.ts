// Errors of the file system in words: one table for the command line, notebooks and the set-up.
import { messageOf, UserError } from "../errors";
import WORDS from "./errno.json";

/** A code of `errno.json`. */
export type FileErrorCode = keyof typeof WORDS;

/** Texts that libraries with their own writers (TensorFlow, DuckDB, libvips) give in place of a code. */
const SYSTEM_TEXTS: readonly (readonly [FileErrorCode, string])[] = [
  ["ENOSPC", "No space left on device"],
  ["EDQUOT", "Disk quota exceeded"],
  ["EFBIG", "File too large"],
  ["EROFS", "Read-only file system"],
  ["EACCES", "Permission denied"],
  ["ENOTDIR", "Not a directory"],
  ["EISDIR", "Is a directory"],
  ["ENAMETOOLONG", "File name too long"],
  ["ELOOP", "Too many levels of symbolic links"],
  ["EMFILE", "Too many open files"],
  ["EIO", "Input/output error"],
  ["ESTALE", "Stale file handle"],
];

/** Advice for each group of errors. */
const REMEDIES: readonly (readonly [codes: readonly FileErrorCode[], next: string])[] = [
  [
    ["ENOSPC", "EDQUOT", "EFBIG"],
    "Make room (or choose another folder) and run it again: what is finished is kept.",
  ],
  [["EROFS", "EACCES", "EPERM"], "Choose a writable folder, and run it again: what is finished is kept."],
  [
    ["ENOTDIR", "EISDIR", "ENOENT", "EEXIST", "ENOTEMPTY", "ELOOP"],
    "Check the path: it must lead to a file where a file is expected, to a folder where a folder is.",
  ],
  [["ENAMETOOLONG"], "Choose a shorter name."],
  [["EMFILE", "ENFILE"], "Raise the limit, or run less at the same time."],
  [["EIO", "ESTALE", "EBUSY", "ENOTCONN", "ETIMEDOUT"], "Check the disk, then run it again."],
];

/** Tells whether a code is in `errno.json`. */
export function isFileErrorCode(code: string): code is FileErrorCode {
  return Object.hasOwn(WORDS, code);
}

/** Returns the file system's code of an error, also if a library gives it as text; undefined for any other error. */
export function fileErrorCode(error: unknown): FileErrorCode | undefined {
  const { code } = (error ?? {}) as NodeJS.ErrnoException;
  if (code !== undefined && isFileErrorCode(code)) return code;
  const text = messageOf(error);
  return SYSTEM_TEXTS.find(([, words]) => text.includes(words))?.[0];
}

/** Returns the reason in words: "the disk is full". */
export function fileErrorWords(code: FileErrorCode): string {
  return WORDS[code];
}

/** Puts a file system's error into words within a message: "/data/x/y: a part of the path is a file, not a folder". */
export function fileErrorText(error: unknown, code: FileErrorCode): string {
  const path = (error as NodeJS.ErrnoException).path ?? pathIn(messageOf(error));
  return path === undefined ? WORDS[code] : `${shortened(withoutTemporary(path))}: ${WORDS[code]}`;
}

/** System calls that read: the message then says "read". */
const READING = new Set(["scandir", "stat", "lstat", "readlink", "realpath", "read"]);

/**
 * Turns an error of the file system into a UserError: the path, what could not be done, why, and what to do next.
 * Returns any other error as it is.
 * @param path the file that was read or written, if the error itself names none
 * @param done "read" or "written"; by default from the system call
 */
export function inWords(error: unknown, path?: string, done?: string): unknown {
  if (error instanceof UserError) return error;
  const code = fileErrorCode(error);
  if (!code) return error;
  const { path: found, syscall } = error as NodeJS.ErrnoException;
  const named = found ?? path ?? pathIn(messageOf(error)) ?? "A file";
  const attempt = done ?? (READING.has(syscall ?? "") ? "read" : "read or written");
  const what = `${shortened(withoutTemporary(named))} could not be ${attempt}: ${WORDS[code]}.`;
  const next = REMEDIES.find(([codes]) => codes.includes(code))?.[1];
  return new UserError(what, next, { cause: error });
}

/** Returns the first absolute path in a library's message. */
function pathIn(message: string): string | undefined {
  return /(\/[^\s"';:,]+)/.exec(message)?.[1];
}

/** Removes the temporary ending from a path: the message shows the file's final name. */
function withoutTemporary(path: string): string {
  return path.replace(/\.\d+\.[0-9a-f]{8}\.tmp(?=\/|$)/, "");
}

const LONGEST_SHOWN = 200;

/** Cuts the middle out of very long paths, whose length is itself the fault. */
function shortened(path: string): string {
  if (path.length <= LONGEST_SHOWN) return path;
  return `${path.slice(0, LONGEST_SHOWN / 2)}...${path.slice(-LONGEST_SHOWN / 2)}`;
}
