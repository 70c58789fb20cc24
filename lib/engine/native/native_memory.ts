// Returns memory that C code has freed to the operating system.
import koffi from "koffi";

let trim: ((keepBytes: number) => number) | undefined;

/**
 * Returns memory that C code has freed to the operating system; takes about 30 ms. The C library keeps memory that
 * threads freed, yet allocates more when large blocks of many sizes come and go.
 */
export function returnFreedMemory(): void {
  trim ??= koffi.load("libc.so.6").func("int malloc_trim(size_t)") as (keepBytes: number) => number;
  trim(0);
}
