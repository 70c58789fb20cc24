// Matches the names of icons to Unicode code points.
import { z } from "zod";
import { readJson } from "../../common/files/files";
import { type Emoji, plainCodePoint } from "./emoji";
import type { IconSet } from "./icon_set";
import { CORRECTIONS, type Vendor, vendorPackage } from "./vendors";

/** Normalised name (see `normalName`) -> code point. */
export type NameIndex = ReadonlyMap<string, string>;

/** Code point -> name of the icon. */
export type IconsByCodePoint = Map<string, string>;

/** Returns the letters and digits of a name: "Woman's Boot", "womans-boot" and "womansboot" are one name. */
function normalName(name: string): string {
  return name
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll("&", "and")
    .replace(/[^a-z0-9]/g, "");
}

/**
 * Builds an index from names to code points. Sources in order of priority: emojibase's labels, Unicode's character
 * names, icon names of vendors that list code points. A name with two code points in one source is ignored.
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

/** Reads a vendor's list of code points: four of the nine have one, five have an empty one. */
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

/** Returns all icon names and aliases with their code points, for `indexNames`. */
export function namesWithCodePoints(set: IconSet, icons: IconsByCodePoint): (readonly [string, string])[] {
  const codePoints = new Map([...icons].map(([codePoint, icon]) => [icon, codePoint]));
  const aliases = Object.entries(set.aliases ?? {}).flatMap(([alias, { parent }]) => {
    const codePoint = codePoints.get(parent);
    return codePoint ? [[alias, codePoint] as const] : [];
  });
  return [...codePoints, ...aliases];
}

/**
 * Matches the icons of a vendor without code points by name. A number at the end ("strawberry-2") marks a further
 * drawing of the same object; the first one counts.
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
