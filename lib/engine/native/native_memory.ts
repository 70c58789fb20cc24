// Returns memory that C code has freed to the system.
import koffi from "koffi";

let trim: ((keepBytes: number) => number) | undefined;

/**
 * Gives memory that C code has freed back to the system: the C library keeps what was freed by threads, and where
 * large pieces of many sizes come and go, it takes new memory nevertheless. Takes some 30 ms.
 */
export function returnFreedMemory(): void {
  trim ??= koffi.load("libc.so.6").func("int malloc_trim(size_t)") as (keepBytes: number) => number;
  trim(0);
}
