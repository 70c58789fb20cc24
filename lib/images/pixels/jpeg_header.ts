// Reads the header of a JPEG, and corrects what strict decoders refuse in it.

/** Contents of a JPEG file's header. */
export interface JpegHeader {
  width: number;
  height: number;
  /** Bits per sample; only 8 is supported. */
  bitsPerSample: number;
  /** True for a lossless JPEG, a format that photos do not use. */
  isLossless: boolean;
  /** Number of colour components: 1 grey, 3 colour, 4 CMYK. */
  components: number;
  /** EXIF orientation: 1 upright, 2..8 mirrored or rotated. */
  orientation: number;
  /** Number of scans: one, or about ten for a progressive JPEG. */
  scans: number;
  /** Faults that strict decoders refuse although they change no pixel: see `tidyJpeg`. */
  stray: ByteRange[];
  wrong: RightByte[];
}

/** Range of bytes from `start` to before `end`. */
interface ByteRange {
  start: number;
  end: number;
}

/** Correct value of a byte. */
interface RightByte {
  at: number;
  value: number;
}

/** Returns whether a decoder that supports neither CMYK nor EXIF shows the image correctly. */
export function isPlainJpeg({ components, orientation }: JpegHeader): boolean {
  return (components === 1 || components === 3) && orientation === 1;
}

const START_OF_IMAGE = 0xffd8;
const END_OF_IMAGE = 0xd9;
const START_OF_SCAN = 0xda;
const [APP0, APP1, APP14] = [0xe0, 0xe1, 0xee];
/** Frame headers are C0..CF except for the Huffman (C4) and arithmetic (CC) tables and the extension C8. */
const isFrame = (marker: number) => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
/** Progressive frames end in binary 10: C2 and CA, and others that no decoder here supports. */
const isProgressive = (frame: number) => (frame & 3) === 2;
/** TEM, the restart markers and SOI have no length. */
const hasNoLength = (marker: number) => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);

/**
 * Reads a JPEG's header (ITU T.81, annex B) without decoding. Like libjpeg, it skips bytes between two segments. It
 * counts all scans of an image that has several.
 * @returns undefined for bytes that are no JPEG, and for a truncated header
 */
export function readJpegHeader(bytes: Uint8Array): JpegHeader | undefined {
  const header: JpegHeader = {
    width: 0,
    height: 0,
    bitsPerSample: 0,
    isLossless: false,
    components: 0,
    orientation: 1,
    scans: 0,
    stray: [],
    wrong: [],
  };
  try {
    readSegments(bytes, header);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // a length points beyond the end, perhaps after many scans
  }
  return header.scans > 0 && header.width * header.height > 0 ? header : undefined;
}

function readSegments(bytes: Uint8Array, header: JpegHeader): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint16(0) !== START_OF_IMAGE) return;
  const reading: Reading = { bytes, view, header, frame: 0, transformAt: undefined };
  let at = 2;
  for (;;) {
    const start = nextMarker(bytes, at);
    if (start === undefined) return;
    if (start > at && header.scans === 0) header.stray.push({ start: at, end: start });
    at = start;
    while (bytes[at] === 0xff) at++; // a marker may be padded
    const marker = bytes[at++]!;
    if (marker === END_OF_IMAGE) return;
    if (hasNoLength(marker)) continue;
    const length = view.getUint16(at);
    if (marker === START_OF_SCAN) {
      if (readScan(reading, at + 2)) return;
    } else readSegment(reading, marker, at + 2, length);
    at += length;
  }
}

/** A header on its way. */
interface Reading {
  bytes: Uint8Array;
  view: DataView;
  header: JpegHeader;
  /** The marker of the frame that was read last. */
  frame: number;
  /** Where Adobe's segment names the colour transform. */
  transformAt: number | undefined;
}

/** Reads the head of a scan; true where nothing behind it counts. */
function readScan({ bytes, view, header, frame, transformAt }: Reading, data: number): boolean {
  if (header.scans++ === 0 && transformAt !== undefined)
    header.wrong.push(...wrongTransform(bytes, transformAt, header.components));
  if (isProgressive(frame)) return false;
  const scanned = view.getUint8(data);
  header.wrong.push(...wrongScanBytes(view, data + 1 + 2 * scanned));
  // A decoder that has seen all components once looks no further.
  return header.scans === 1 && scanned >= header.components;
}

/** Reads a segment other than a scan. @param data where it begins, behind its length */
function readSegment(reading: Reading, marker: number, data: number, length: number): void {
  const { view, header } = reading;
  if (isFrame(marker)) {
    reading.frame = marker;
    header.isLossless = (marker & 3) === 3;
    header.bitsPerSample = view.getUint8(data);
    header.height = view.getUint16(data + 1);
    header.width = view.getUint16(data + 3);
    header.components = view.getUint8(data + 5);
  } else if (marker === APP0 && isText(view, data, "JFIF")) {
    if (view.getUint8(data + 5) !== 1) header.wrong.push({ at: data + 5, value: 1 });
  } else if (marker === APP1) {
    header.orientation = exifOrientation(view, data, data - 2 + length) ?? header.orientation;
  } else if (marker === APP14 && length >= ADOBE_BYTES && isText(view, data, "Adobe")) {
    reading.transformAt = data + ADOBE_BYTES - 3;
  }
}

/** Returns the position of the next marker: an FF without a following 0, which marks pixel data. */
function nextMarker(bytes: Uint8Array, from: number): number | undefined {
  for (let at = from; ; at++) {
    at = bytes.indexOf(0xff, at);
    if (at < 0) return undefined;
    let code = at + 1;
    while (bytes[code] === 0xff) code++;
    if (code >= bytes.length) return undefined;
    if (bytes[code] !== 0) return at;
    at = code;
  }
}

/** Parameters of a scan that is not progressive: from coefficient 0 to 63, all bits at once. */
const PLAIN_SCAN = [0, 63, 0];

function wrongScanBytes(view: DataView, at: number): RightByte[] {
  return PLAIN_SCAN.map((value, i) => ({ at: at + i, value })).filter(
    ({ at, value }) => view.getUint8(at) !== value,
  );
}

/** Length of Adobe's segment, whose last byte is the colour transform. */
const ADOBE_BYTES = 14;
/** Number of components -> colour transforms that decoders know; they take any other value for the last one. */
const TRANSFORMS: Record<number, readonly number[]> = { 3: [0, 1], 4: [0, 2] };

function wrongTransform(bytes: Uint8Array, at: number, components: number): RightByte[] {
  const known = TRANSFORMS[components];
  return known && !known.includes(bytes[at]!) ? [{ at, value: known.at(-1)! }] : [];
}

function isText(view: DataView, at: number, text: string): boolean {
  return [...text].every((letter, i) => view.getUint8(at + i) === letter.charCodeAt(0));
}

/**
 * Corrects faults that strict decoders refuse and others ignore, without changing a pixel: stray bytes between segments
 * of the header, a JFIF version other than 1, an unknown colour transform, parameters of progressive scans in a file
 * that is not progressive.
 * @returns the bytes themselves if there are no such faults
 */
export function tidyJpeg(bytes: Uint8Array, { stray, wrong }: JpegHeader): Uint8Array {
  if (stray.length === 0 && wrong.length === 0) return bytes;
  const right = bytes.slice();
  for (const { at, value } of wrong) right[at] = value;
  const ends = [0, ...stray.map(({ end }) => end)];
  const starts = [...stray.map(({ start }) => start), right.length];
  return Buffer.concat(ends.map((end, i) => right.subarray(end, starts[i])));
}

const EXIF = 0x45786966; // "Exif", followed by two zeros
const LITTLE_ENDIAN = 0x4949; // "II"
const ORIENTATION_TAG = 0x0112;
const ENTRY_BYTES = 12;

/** Returns the orientation in an EXIF segment: TIFF's first directory, tag 274. */
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
