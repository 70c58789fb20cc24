/** What a JPEG file's header tells. */
export interface JpegHeader {
  width: number;
  height: number;
  /** 1 grey, 3 colour, 4 CMYK. */
  components: number;
  /** EXIF's: 1 upright, 2..8 mirrored or turned. */
  orientation: number;
}

/** Whether a decoder that knows neither CMYK nor EXIF sees the picture as sharp, and a person, would. */
export function isPlainJpeg({ components, orientation }: JpegHeader): boolean {
  return (components === 1 || components === 3) && orientation === 1;
}

const START_OF_IMAGE = 0xffd8;
const START_OF_SCAN = 0xda;
const APP1 = 0xe1;
/** Frame headers: C0..CF but for the Huffman (C4) and arithmetic (CC) tables and the extension C8. */
const isFrame = (marker: number) => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

/**
 * Reads a JPEG's header (ITU T.81, annex B), without decoding anything.
 * @returns undefined for what is no JPEG, and for a header that is cut off or odd
 */
export function readJpegHeader(bytes: Uint8Array): JpegHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return readSegments(view);
  } catch (error) {
    if (error instanceof RangeError) return undefined; // a length that leads beyond the end
    throw error;
  }
}

function readSegments(view: DataView): JpegHeader | undefined {
  if (view.getUint16(0) !== START_OF_IMAGE) return undefined;
  const header = { width: 0, height: 0, components: 0, orientation: 1 };
  let at = 2;
  for (;;) {
    if (view.getUint8(at) !== 0xff) return undefined;
    while (view.getUint8(at) === 0xff) at++; // a marker may be padded
    const marker = view.getUint8(at++);
    const length = view.getUint16(at);
    if (marker === START_OF_SCAN) return header.width * header.height > 0 ? header : undefined;
    if (isFrame(marker)) {
      header.height = view.getUint16(at + 3);
      header.width = view.getUint16(at + 5);
      header.components = view.getUint8(at + 7);
    }
    if (marker === APP1)
      header.orientation = exifOrientation(view, at + 2, at + length) ?? header.orientation;
    at += length;
  }
}

const EXIF = 0x45786966; // "Exif", followed by two zeros
const LITTLE_ENDIAN = 0x4949; // "II"
const ORIENTATION_TAG = 0x0112;
const ENTRY_BYTES = 12;

/** The orientation in an EXIF segment: TIFF's first directory, tag 274. */
function exifOrientation(view: DataView, start: number, end: number): number | undefined {
  if (end - start < 14 || view.getUint32(start) !== EXIF) return undefined;
  const tiff = start + 6;
  const little = view.getUint16(tiff) === LITTLE_ENDIAN;
  const directory = tiff + view.getUint32(tiff + 4, little);
  if (directory + 2 > end) return undefined;
  const count = view.getUint16(directory, little);
  for (let i = 0; i < count; i++) {
    const entry = directory + 2 + i * ENTRY_BYTES;
    if (entry + ENTRY_BYTES > end) return undefined;
    if (view.getUint16(entry, little) !== ORIENTATION_TAG) continue;
    const value = view.getUint16(entry + 8, little);
    return value >= 1 && value <= 8 ? value : undefined;
  }
  return undefined;
}
