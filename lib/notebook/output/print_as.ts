// Shortens the printed form of an object.
import { inspect } from "node:util";

/** Returns the same object; a cell that ends with it prints only `words`, because the rest is already on the screen. */
export function printAs<T extends object>(value: T, words: string): T {
  return Object.defineProperty(value, inspect.custom, { value: () => words, enumerable: false });
}
