// A part of work that several processes divide among themselves without talking to each other.

/** One of several parts of work. */
export interface Part {
  /** Its number, 1 .. count. */
  index: number;
  /** Number of parts. */
  count: number;
}

/** The golden ratio's fraction: its multiples are spread evenly and never repeat. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * Tells whether a part takes a piece of the work. Pieces are dealt out like cards, one to each part per round; a round
 * begins at another part than the one before. So parts differ by one piece at most, every folder of a list is spread
 * over all of them, and a list that repeats (large, small, large, small) gives none of them only the large.
 * @param piece its number in the list, from 0
 */
export function takesPiece({ index, count }: Part, piece: number): boolean {
  const round = Math.floor(piece / count);
  const first = Math.floor(count * ((round * GOLDEN) % 1));
  return (piece + first) % count === index - 1;
}

/** Returns the items of a list that a part takes, each a piece, in their order. */
export function itemsOfPart<Item>(items: Iterable<Item>, part: Part): Item[] {
  return Array.from(items).filter((_, place) => takesPiece(part, place));
}

/** Returns "part 2 of 4". */
export function partText({ index, count }: Part): string {
  return `part ${index} of ${count}`;
}
