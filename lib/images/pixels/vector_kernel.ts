// Loops in WebAssembly's vector instructions, which JavaScript itself does not have. They are written in WebAssembly's
// own text format (webassembly.github.io/spec/core/text).
import { compile } from "watr";

/** Bytes of a vector, and of a float32 or int32. */
export const VECTOR = 16;
export const FLOAT = 4;

/** Bytes by which a memory grows. */
const PAGE = 65_536;

/** A function on a memory of JavaScript's: its parameters are addresses and numbers; it returns nothing. */
export type Kernel = (...values: number[]) => void;

/** Compiles a kernel. @param text parameters, locals and instructions of a function */
export function kernel(memory: WebAssembly.Memory, text: string): Kernel {
  const bytes = compile(`(module (import "js" "memory" (memory 0)) (func (export "kernel") ${text}))`);
  const module = new WebAssembly.Module(Uint8Array.from(bytes));
  return new WebAssembly.Instance(module, { js: { memory } }).exports.kernel as Kernel;
}

/** Joins the text of each item. */
export function joinTexts<T>(items: readonly T[], text: (item: T, index: number) => string): string {
  return items.map(text).join("\n");
}

/** Hands out places in a memory, one behind the other, each at a whole vector. */
export class MemoryLayout {
  /** Where the next place begins. */
  end = 0;

  /** @returns the address of a place of so many bytes */
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
