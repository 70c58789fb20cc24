// Holds back and filters what C code prints to standard error.
import { writeSync } from "node:fs";
import koffi from "koffi";

/** Size of the buffer for held output; the C library writes it out when it is full. */
const BUFFER_BYTES = 64 * 1024;
/** `_IOFBF` of setvbuf: write when the buffer is full. */
const FULLY_BUFFERED = 0;

/** The C `stderr` of this process while it is held. */
export interface HeldStderr {
  /** Drops the lines that `isExpected` accepts, prints the others, and restores `stderr`. */
  release(isExpected: (line: string) => boolean): void;
}

let library: ReturnType<typeof bind> | undefined;
let holders = 0;

/** Returns the stream that holds C output, for `writtenBytes` in any thread; the same while the process lives. */
export function heldStream(): bigint {
  library ??= bind();
  return library.held;
}

/**
 * Holds back what C code of this process prints to `stderr`. libjpeg, inside TensorFlow's DecodeJpeg, reports corrupt
 * data only there. JavaScript writes to the file descriptor itself, so its output is not affected. If the process ends
 * in the meantime, the C library writes out the held text.
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

/** Returns the number of bytes held so far; it grows whenever C code prints. */
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

/** Creates a stream that keeps what is written to it, and finds the variable `stderr` that all libraries share. */
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
