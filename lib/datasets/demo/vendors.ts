/** Who drew the pictures of the demo data set: each is an npm package, `@iconify-json/<vendor>`. */
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

/** Whose drawings of a held-out class ask; the other vendors' drawings are what is searched. */
export const QUERY_VENDORS: readonly Vendor[] = ["noto", "openmoji"];

/** The npm package with a vendor's drawings. */
export function vendorPackage(vendor: Vendor): string {
  return `@iconify-json/${vendor}`;
}

/**
 * Icons that show something else than their name says, found by looking at every class: the code point of what they
 * show, or null to leave the icon out.
 */
export const CORRECTIONS: Readonly<Partial<Record<Vendor, Readonly<Record<string, string | null>>>>> = {
  // A computer mouse: the package gives the name of the paper scroll to one of OpenMoji's own extra symbols.
  openmoji: { scroll: null },
  // The country's flag.
  "streamline-emojis": { turkey: null },
  // A musical keyboard with jacks, and a window of a desktop: characters that are not emoji.
  "emojione-v1": { keyboard: null, window: null },
  fxemoji: {
    keyboard: null,
    window: null,
    // A face that wears them; the glasses alone are "darksunglasses".
    sunglasses: null,
    darksunglasses: "1F576",
    // Its colours stand in a style sheet that the package leaves out: all black.
    tramcar: null,
    construction: "1F3D7",
    constructionsign: "1F6A7",
    // The plain names are heads, the whole animals are "side".
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
