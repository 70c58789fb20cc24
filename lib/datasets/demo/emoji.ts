// Reads Unicode's emoji with their labels and groups.
import { z } from "zod";
import { readJson } from "../../common/files/files";

/** An emoji of Unicode, as emojibase-data describes it. Skin tones are not included. */
export interface Emoji {
  /** Code points in hex, joined by "-", without variation selectors: "1F34E". */
  codePoint: string;
  /** "red apple" */
  label: string;
  /** Unique position in Unicode's order. */
  order: number;
  /** "food-fruit" */
  subgroup: string;
  /** Version of the emoji standard that introduced it, for example 0.6 or 15. */
  version: number;
}

interface EmojibaseEntry {
  hexcode: string;
  label: string;
  order?: number;
  subgroup?: number;
  version: number;
}

const ENTRIES = z.array(
  z.object({
    hexcode: z.string(),
    label: z.string(),
    order: z.number().optional(),
    subgroup: z.number().optional(),
    version: z.number(),
  }),
) satisfies z.ZodType<EmojibaseEntry[]>;

const NEXT = "Run `npm run setup`.";

/** Returns code points without the variation selector FE0F, which vendors use inconsistently. */
export function plainCodePoint(hexcode: string): string {
  return hexcode
    .toUpperCase()
    .split("-")
    .filter((part) => part !== "FE0F")
    .join("-");
}

/** Returns all emoji that belong to a subgroup, in Unicode's order. */
export function readEmoji(): Emoji[] {
  const entries = readJson(require.resolve("emojibase-data/en/data.json"), ENTRIES, NEXT);
  const { subgroups } = readJson(
    require.resolve("emojibase-data/meta/groups.json"),
    z.object({ subgroups: z.record(z.string(), z.string()) }),
    NEXT,
  );
  return entries
    .filter((entry) => entry.order !== undefined && entry.subgroup !== undefined)
    .map((entry) => ({
      codePoint: plainCodePoint(entry.hexcode),
      label: entry.label,
      order: entry.order!,
      subgroup: subgroups[entry.subgroup!]!,
      version: entry.version,
    }))
    .sort((a, b) => a.order - b.order);
}

/** Returns Unicode's character names by code point: 1F3AF -> "DIRECT HIT". Older vendors use them as icon names. */
export function readUnicodeNames(): Map<string, string> {
  const names = readJson(
    require.resolve("emojibase-data/meta/unicode-names.json"),
    z.record(z.string(), z.string()),
    NEXT,
  );
  return new Map(Object.entries(names).map(([hexcode, name]) => [plainCodePoint(hexcode), name]));
}
