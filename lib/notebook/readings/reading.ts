// What all readings share: a paragraph of sentences, and how numbers are written in it.

import { escapeHtml } from "../../common/html";
import { scoreText } from "../../common/words";
import type { Drawing } from "../output/drawing";

/** Returns sentences as a paragraph for `show`: escaped, settings and commands between backticks as code. */
export function reading(...sentences: readonly string[]): Drawing {
  const text = sentences.filter((sentence) => sentence !== "").join(" ");
  const html = escapeHtml(text).replaceAll(/`([^`<>&]+)`/g, "<code>$1</code>");
  return { bundle: { "text/html": `<p>${html}</p>`, "text/plain": text } };
}

/** Writes what was gained or lost: "gains 0.102". */
export function gains(difference: number): string {
  return `${difference < 0 ? "loses" : "gains"} ${scoreText(Math.abs(difference))}`;
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
