// Recognises a file's format by its first bytes: formats that are read, and others for error messages.

/** An image format that this library reads. */
export type ImageFormat = (typeof SIGNATURES)[number][0];

/** Format -> beginning of its files as latin-1 text; "." matches any byte. */
const SIGNATURES = [
  ["jpeg", /^\xff\xd8\xff/],
  ["png", /^\x89PNG\r\n/],
  ["gif", /^GIF8[79]a/],
  ["webp", /^RIFF.{4}WEBP/s],
  ["tiff", /^(II[*+]\0|MM\0[*+])/],
  ["avif sequence", /^.{4}ftypavis/s],
  ["avif", /^.{4}ftyp(avif|mif1.{4,24}avif)/s],
  ["heic", /^.{4}ftyp(hei[cxms]|hev[cxms]|mif1|msf1)/s],
  ["bmp", /^BM.{12}[\f(48@l|]\0\0\0/s], // second header of 12, 40, 52, 56, 64, 108 or 124 bytes
  ["jpeg 2000", /^(\0{3}\fjP {2}\r\n\x87\n|\xff\x4f\xff\x51)/],
  ["jpeg xl", /^(\0{3}\fJXL \r\n\x87\n|\xff\n)/],
  ["psd", /^8BPS\0/],
  ["pnm", /^P[1-6]\s+(#.*\n\s*)*\d+\s+\d+\s/],
  ["svg", /^(\xef\xbb\xbf)?\s*<(svg|[?!](?!doctype html).*<svg)[\s>]/is], // perhaps after <?xml ... ?>
] as const satisfies readonly (readonly [string, RegExp])[];

const CONVERT = "which is not read: convert it to PNG or JPEG";
const NO_IMAGE = "not an image";

/** Other files that are found with names of images: their beginning and their description. */
const OTHERS: readonly (readonly [RegExp | readonly string[], what: string])[] = [
  [["\0\0\x01\0", "icns"], `an icon, ${CONVERT}`],
  [["DDS "], `a DDS texture, ${CONVERT}`],
  [["qoif"], `a QOI image, ${CONVERT}`],
  [["v/1\x01"], `an OpenEXR image, ${CONVERT}`],
  [["#?RADIANCE", "#?RGBE"], `a Radiance HDR image, ${CONVERT}`],
  [["II\xbc"], `a JPEG XR image, ${CONVERT}`],
  [["gimp xcf"], `a picture of GIMP (XCF), ${CONVERT}`],
  [["FUJIFILMCCD-RAW", "IIRO", "IIRS"], `a camera's raw file, ${CONVERT}`],
  [/^.{4}ftypcrx/s, `a camera's raw file, ${CONVERT}`],
  [["AT&TFORM"], `a DjVu document, ${CONVERT}`],
  [["%PDF-"], `a PDF document, ${CONVERT}`],
  [["%!PS"], `a PostScript document, ${CONVERT}`],
  [/^(.{4}(ftyp|moov|mdat|wide)|RIFF.{4}AVI )/s, "a video, which is not read"],
  [["\x1aE\xdf\xa3"], "a video, which is not read"],
  [["version https://git-lfs"], "a Git LFS pointer in place of the image: `git lfs pull` fetches it"],
  [
    /^(\xef\xbb\xbf)?\s*<(!doctype html|html|head|body)/i,
    `${NO_IMAGE} but a web page, as of a failed download`,
  ],
  [/^\s*[{[]\s*["{]/, `${NO_IMAGE} but JSON text, as of a failed download`],
  [
    ["PK\x03\x04", "\x1f\x8b", "Rar!", "7z\xbc\xaf", "BZh", "\xfd7zXZ"],
    `${NO_IMAGE} but an archive: unpack it`,
  ],
  [/^\0+$/, `${NO_IMAGE}: its first bytes are all 0, as of a copy that was broken off`],
];

/** Number of bytes that libvips searches for an SVG; other formats need fewer. */
const SIGNATURE_BYTES = 1000;

function headOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(0, SIGNATURE_BYTES)).toString("latin1");
}

/** Returns the format by the first bytes, whatever the file's name; undefined if this library does not read it. */
export function sniffFormat(bytes: Uint8Array): ImageFormat | undefined {
  const head = headOf(bytes);
  return SIGNATURES.find(([, signature]) => signature.test(head))?.[0];
}

/** Describes a file of a format that this library does not read. */
export function describeOther(bytes: Uint8Array): string {
  const head = headOf(bytes);
  const known = OTHERS.find(([begins]) =>
    begins instanceof RegExp ? begins.test(head) : begins.some((text) => head.startsWith(text)),
  );
  return known?.[1] ?? `${NO_IMAGE} (its first bytes are of no format that is read)`;
}
