// Reads the tags of a TIFF's first directory that decide how its pixels are decoded.
import { ImageError } from "../pixels/image_error";

interface TiffTags {
  compression: number;
  photometric: number;
}

const TAGS = { compression: 259, photometric: 262 };
const ENTRY_BYTES = 12;
const LITTLE_ENDIAN = 0x4949; // "II"

const JPEG_COMPRESSION = 7;
const YCBCR = 6;
/** L*a*b* colours: CIE, ICC and ITU. */
const LAB = [8, 9, 10];
const UNREAD_COMPRESSIONS: Record<number, string> = {
  34712: "JPEG 2000",
  34925: "LZMA",
  50000: "Zstandard",
  50001: "WebP",
  50002: "JPEG XL",
};

/** Refuses a TIFF that no library here reads. @throws ImageError */
export function refuseUnreadTiff(bytes: Uint8Array): void {
  const { compression, photometric } = readTiffTags(bytes);
  const unread = UNREAD_COMPRESSIONS[compression];
  if (unread) throw new ImageError(`a TIFF compressed by ${unread}, which is not read: compress it by LZW`);
  if (LAB.includes(photometric))
    throw new ImageError("a TIFF in L*a*b* colours, which is not read: convert it to RGB");
}

/** Returns whether a TIFF holds YCbCr that is not JPEG, which sharp would take for red, green and blue. */
export function isPlainYcbcrTiff(bytes: Uint8Array): boolean {
  const { compression, photometric } = readTiffTags(bytes);
  return photometric === YCBCR && compression !== JPEG_COMPRESSION;
}

/** Reads the tags; 0 for missing tags, and for files above 4 GB (BigTIFF). */
function readTiffTags(bytes: Uint8Array): TiffTags {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tags = { compression: 0, photometric: 0 };
  try {
    const little = view.getUint16(0) === LITTLE_ENDIAN;
    if (view.getUint16(2, little) !== 42) return tags;
    const directory = view.getUint32(4, little);
    const count = view.getUint16(directory, little);
    for (let i = 0; i < count; i++) {
      const entry = directory + 2 + i * ENTRY_BYTES;
      const tag = view.getUint16(entry, little);
      for (const name of ["compression", "photometric"] as const)
        if (TAGS[name] === tag) tags[name] = view.getUint16(entry + 8, little);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // an offset points beyond the end
  }
  return tags;
}
