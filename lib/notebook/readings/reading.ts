// What all readings share: a paragraph of sentences, and how numbers are written in it.
import { escapeHtml } from "../../common/html";
import type { Drawing } from "../output/drawing";

/** Returns sentences as a paragraph for `show`: escaped, settings and commands between backticks as code. */
export function reading(...sentences: readonly string[]): Drawing {
  const text = sentences.filter((sentence) => sentence !== "").join(" ");
  const html = escapeHtml(text).replaceAll(/`([^`<>&]+)`/g, "<code>$1</code>");
  return { bundle: { "text/html": `<p>${html}</p>`, "text/plain": text } };
}

/** Writes a score, 0..1: "0.645". */
export function score(value: number): string {
  return value.toFixed(3);
}

/** Writes a share, 0..1: "12 %". */
export function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

/** Writes a count with its noun: "1 image", "3,960 images". */
export function counted(count: number, one: string, several = `${one}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : several}`;
}

/** Writes what was gained or lost: "gains 0.102". */
export function gains(difference: number): string {
  return `${difference < 0 ? "loses" : "gains"} ${score(Math.abs(difference))}`;
}

/** Adds numbers. */
export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Returns the item with the largest number; undefined of an empty list. */
export function largest<Item>(items: readonly Item[], numberOf: (item: Item) => number): Item | undefined {
  return items.reduce<Item | undefined>(
    (best, item) => (best === undefined || numberOf(item) > numberOf(best) ? item : best),
    undefined,
  );
}
