// Ends a process without waiting for native threads.
import koffi from "koffi";

/**
 * Ends the process if something still runs after this time. Unlike `process.exit`, it does not wait for threads: one
 * in native code may take minutes.
 */
export function endProcessAfter(ms: number): void {
  setTimeout(() => {
    const exit = koffi.load("libc.so.6").func("void _exit(int)") as (code: number) => void;
    exit(Number(process.exitCode ?? 0));
  }, ms).unref();
}
