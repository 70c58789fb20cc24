// Selects the classes of the demo data set and their drawings.
import { recordOf } from "../../common/typed_keys";
import { type Emoji, readEmoji, readUnicodeNames } from "./emoji";
import { DEMO_GROUPS } from "./groups";
import { type IconSet, readIconSet } from "./icon_set";
import {
  type IconsByCodePoint,
  indexNames,
  matchByName,
  namesWithCodePoints,
  readVendorCodePoints,
} from "./names";
import { VENDORS, type Vendor, vendorPackage } from "./vendors";

/** A class of the demo data set: one object, drawn by several vendors. */
export interface DemoClass extends Emoji {
  group: string;
  /** The label as a unique file name: "red-apple". */
  slug: string;
  /** One drawing per vendor, in the order of `VENDORS`. */
  drawings: { vendor: Vendor; icon: string }[];
}

/** The classes and the icon sets with their drawings. */
export interface DemoSource {
  classes: DemoClass[];
  iconSets: Readonly<Record<Vendor, IconSet>>;
}

/** Minimum number of drawings of a class. */
const LEAST_VENDORS = 4;

/** Reads the nine packages and returns every object of the seven groups that at least four vendors drew. */
export function readDemoSource(): DemoSource {
  const iconSets = recordOf(VENDORS, (vendor) => readIconSet(vendorPackage(vendor)));
  const emoji = readEmoji();
  const icons = iconsOfVendors(emoji, iconSets);
  const groups = new Map(
    DEMO_GROUPS.flatMap(({ group, subgroups }) => subgroups.map((name) => [name, group])),
  );
  const classes = emoji.flatMap((entry) => {
    const group = groups.get(entry.subgroup);
    const drawings = VENDORS.flatMap((vendor) => {
      const icon = icons[vendor].get(entry.codePoint);
      return icon ? [{ vendor, icon }] : [];
    });
    return group && drawings.length >= LEAST_VENDORS
      ? [{ ...entry, group, slug: slugOf(entry.label), drawings }]
      : [];
  });
  return { classes, iconSets };
}

function iconsOfVendors(
  emoji: readonly Emoji[],
  iconSets: Readonly<Record<Vendor, IconSet>>,
): Record<Vendor, IconsByCodePoint> {
  const listed = VENDORS.map((vendor) => ({ vendor, icons: readVendorCodePoints(vendor) }));
  const vendorNames = listed.flatMap(({ vendor, icons }) => namesWithCodePoints(iconSets[vendor], icons));
  const index = indexNames(emoji, readUnicodeNames(), vendorNames);
  return Object.fromEntries(
    listed.map(({ vendor, icons }) => [
      vendor,
      icons.size > 0 ? icons : matchByName(vendor, iconSets[vendor], index),
    ]),
  ) as Record<Vendor, IconsByCodePoint>;
}

/** Returns a label as a file name: "Woman's boot" -> "womans-boot", "piñata" -> "pinata". */
function slugOf(label: string): string {
  return label
    .normalize("NFKD")
    .toLowerCase()
    .replace(/\p{M}|['’]/gu, "")
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
}
