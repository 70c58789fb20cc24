// Shortens what a cell prints of an object.
import { inspect } from "node:util";

/** The same object, of which a cell that ends with it prints `words` alone: what matters is on the screen already. */
export function quiet<T extends object>(value: T, words: string): T {
  return Object.defineProperty(value, inspect.custom, { value: () => words, enumerable: false });
}
