// The vendors of the demo's drawings, and corrections of their icon names.
/** The vendors; each is an npm package, `@iconify-json/<vendor>`. */
export const VENDORS = [
  "twemoji",
  "noto",
  "noto-v1",
  "openmoji",
  "fluent-emoji-flat",
  "emojione",
  "emojione-v1",
  "fxemoji",
  "streamline-emojis",
] as const;

/** One of the nine vendors. */
export type Vendor = (typeof VENDORS)[number];

/** Vendors of the query images; the other vendors' drawings form the index. */
export const QUERY_VENDORS: readonly Vendor[] = ["noto", "openmoji"];

/** Returns the npm package of a vendor's drawings. */
export function vendorPackage(vendor: Vendor): string {
  return `@iconify-json/${vendor}`;
}

/**
 * Icons with a misleading name, found by looking at every class: the code point of the object they show, or null to
 * leave the icon out.
 */
export const CORRECTIONS: Readonly<Partial<Record<Vendor, Readonly<Record<string, string | null>>>>> = {
  // A computer mouse: the package gives the paper scroll's name to one of OpenMoji's extra symbols.
  openmoji: { scroll: null },
  // The country's flag.
  "streamline-emojis": { turkey: null },
  // A musical keyboard with jacks and a desktop window: characters that are not emoji.
  "emojione-v1": { keyboard: null, window: null },
  fxemoji: {
    keyboard: null,
    window: null,
    // A face with sunglasses; the glasses alone are "darksunglasses".
    sunglasses: null,
    darksunglasses: "1F576",
    // All black: the package lacks the style sheet with its colours.
    tramcar: null,
    construction: "1F3D7",
    constructionsign: "1F6A7",
    // Plain names are heads; "side" marks whole animals.
    cat: "1F431",
    catside: "1F408",
    dog: "1F436",
    dogside: "1F415",
    mouse: "1F42D",
    mouseside: "1F401",
    pig: "1F437",
    pigside: "1F416",
    tiger: "1F42F",
    tigerside: "1F405",
  },
};
