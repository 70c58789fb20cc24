// Matches the names of icons to Unicode code points.
import { z } from "zod";
import { readJson } from "../../common/files/files";
import { type Emoji, plainCodePoint } from "./emoji";
import type { IconSet } from "./icon_set";
import { CORRECTIONS, type Vendor, vendorPackage } from "./vendors";

/** Name, as `normalName` writes it, -> code point. */
export type NameIndex = ReadonlyMap<string, string>;

/** Code point -> name of the icon. */
export type IconsByCodePoint = Map<string, string>;

/** Letters and digits only: "Woman's Boot", "womans-boot" and "womansboot" are one name. */
function normalName(name: string): string {
  return name
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll("&", "and")
    .replace(/[^a-z0-9]/g, "");
}

/**
 * The code point that a name means. Sources are asked in turn: emojibase's labels, Unicode's character names, and what
 * the vendors that give code points call their icons. A name that one source uses for two code points is not used.
 */
export function indexNames(
  emoji: readonly Emoji[],
  unicodeNames: ReadonlyMap<string, string>,
  vendorNames: readonly (readonly [name: string, codePoint: string])[],
): NameIndex {
  const known = new Set(emoji.map(({ codePoint }) => codePoint));
  const sources = [
    emoji.map(({ label, codePoint }) => [label, codePoint] as const),
    [...unicodeNames].map(([codePoint, name]) => [name, codePoint] as const),
    vendorNames,
  ];
  const index = new Map<string, string>();
  const ambiguous = new Set<string>();
  for (const source of sources) {
    const named = new Map<string, string>();
    for (const [text, codePoint] of source) {
      const name = normalName(text);
      if (!known.has(codePoint) || index.has(name)) continue;
      if ((named.get(name) ?? codePoint) !== codePoint) ambiguous.add(name);
      named.set(name, codePoint);
    }
    for (const [name, codePoint] of named) if (!ambiguous.has(name)) index.set(name, codePoint);
  }
  return index;
}

/** What a vendor's package says about code points: four of the nine have a list, five an empty one. */
export function readVendorCodePoints(vendor: Vendor): IconsByCodePoint {
  const chars = readJson(
    require.resolve(`${vendorPackage(vendor)}/chars.json`),
    z.record(z.string(), z.string()),
    "Run `npm run setup`.",
  );
  const { [vendor]: corrections = {} } = CORRECTIONS;
  return new Map(
    Object.entries(chars)
      .filter(([, icon]) => corrections[icon] !== null)
      .map(([hexcode, icon]) => [plainCodePoint(hexcode), icon]),
  );
}

/** An icon's own name and its aliases, each with the code point, for `indexNames`. */
export function namesWithCodePoints(set: IconSet, icons: IconsByCodePoint): (readonly [string, string])[] {
  const codePoints = new Map([...icons].map(([codePoint, icon]) => [icon, codePoint]));
  const aliases = Object.entries(set.aliases ?? {}).flatMap(([alias, { parent }]) => {
    const codePoint = codePoints.get(parent);
    return codePoint ? [[alias, codePoint] as const] : [];
  });
  return [...codePoints, ...aliases];
}

/**
 * The icons of a vendor without code points, found by their names. A number at the end ("strawberry-2") marks further
 * drawings of one object; the first one counts.
 */
export function matchByName(vendor: Vendor, set: IconSet, index: NameIndex): IconsByCodePoint {
  const { [vendor]: corrections = {} } = CORRECTIONS;
  const icons: IconsByCodePoint = new Map();
  for (const icon of Object.keys(set.icons)) {
    const corrected = corrections[icon];
    if (corrected === null) continue;
    const codePoint =
      corrected ?? index.get(normalName(icon)) ?? index.get(normalName(icon.replace(/-\d+$/, "")));
    if (codePoint && !icons.has(codePoint)) icons.set(codePoint, icon);
  }
  return icons;
}
