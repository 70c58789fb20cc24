// Compiles loops with WebAssembly's vector instructions, which JavaScript lacks. They are written in WebAssembly's text
// format (webassembly.github.io/spec/core/text).
import { compile } from "watr";

/** Bytes of a vector. */
export const VECTOR = 16;
/** Bytes of a float32 or int32. */
export const FLOAT = 4;

/** Bytes by which a memory grows. */
const PAGE = 65_536;

/** A function on a WebAssembly memory: its parameters are addresses and numbers, and it returns nothing. */
export type Kernel = (...values: number[]) => void;

/** Compiles a kernel. @param text parameters, locals and instructions of a function */
export function compileKernel(memory: WebAssembly.Memory, text: string): Kernel {
  const bytes = compile(`(module (import "js" "memory" (memory 0)) (func (export "kernel") ${text}))`);
  const module = new WebAssembly.Module(Uint8Array.from(bytes));
  return new WebAssembly.Instance(module, { js: { memory } }).exports.kernel as Kernel;
}

/** Returns the text of every item, joined by line breaks. */
export function joinLines<T>(items: readonly T[], text: (item: T, index: number) => string): string {
  return items.map(text).join("\n");
}

/** Allocates places in a memory one after the other, each aligned to a vector. */
export class MemoryLayout {
  /** Address of the next place. */
  end = 0;

  /** Allocates a place of this many bytes. Returns its address. */
  take(bytes: number): number {
    const start = this.end;
    this.end = VECTOR * Math.ceil((start + bytes) / VECTOR);
    return start;
  }

  /** Enlarges a memory until all places lie inside it. */
  grow(memory: WebAssembly.Memory): void {
    const missing = this.end - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
  }
}
