// Holds back what C code prints to standard error.
import { writeSync } from "node:fs";
import koffi from "koffi";

/** Room for what is held back; the C library writes it out by itself when it is full. */
const BUFFER_BYTES = 64 * 1024;
/** Of setvbuf: write when the buffer is full. */
const FULLY_BUFFERED = 0;

/** What C code of this process prints to its `stderr` while it is held. */
export interface HeldStderr {
  /** Drops the lines that `isExpected` knows, shows the others, and gives C code its `stderr` back. */
  release(isExpected: (line: string) => boolean): void;
}

let library: ReturnType<typeof bind> | undefined;
let holders = 0;

/** Where what C code prints is held, for `writtenBytes`, in any thread; the same as long as the process lives. */
export function heldStream(): bigint {
  library ??= bind();
  return library.held;
}

/**
 * Holds back what C code of this process prints to its `stderr`. libjpeg, inside TensorFlow's DecodeJpeg, tells of
 * corrupt data there and nowhere else. JavaScript writes to the file descriptor itself: its output is not touched.
 * Should the process end meanwhile, the C library writes out what was held back.
 */
export function holdStderr(): HeldStderr {
  library ??= bind();
  const { variable, held } = library;
  if (holders++ === 0) koffi.encode(variable, "void *", held);
  return {
    release: (isExpected) => {
      if (--holders > 0) return;
      koffi.encode(library!.variable, "void *", library!.original);
      showRest(isExpected);
    },
  };
}

let countPending: ((stream: bigint) => number) | undefined;

/** Bytes that a held stream has taken so far: where this number has grown, something was printed. */
export function writtenBytes(stream: bigint): number {
  countPending ??= koffi.load("libc.so.6").func("size_t __fpending(void *)") as (stream: bigint) => number;
  return countPending(stream);
}

function showRest(isExpected: (line: string) => boolean): void {
  const { buffer, held, purge } = library!;
  const text = Buffer.from(koffi.view(buffer, writtenBytes(held))).toString();
  purge(held);
  for (const line of text.split("\n")) {
    if (line !== "" && !isExpected(line)) writeSync(2, `${line}\n`);
  }
}

/** A stream that keeps what is written to it, and the variable `stderr` that all of the process's libraries share. */
function bind() {
  const libc = koffi.load("libc.so.6");
  const variable: bigint = libc.func("void *dlsym(void *, const char *)")(null, "stderr");
  const descriptor: number = libc.func("int dup(int)")(2);
  const held: bigint = libc.func("void *fdopen(int, const char *)")(descriptor, "w");
  const buffer = koffi.alloc("uint8_t", BUFFER_BYTES);
  libc.func("int setvbuf(void *, void *, int, size_t)")(held, buffer, FULLY_BUFFERED, BUFFER_BYTES);
  return {
    variable,
    held,
    buffer,
    original: koffi.decode(variable, "void *") as bigint,
    purge: libc.func("void __fpurge(void *)") as (stream: bigint) => void,
  };
}
