// TFRecord, the framing of TensorBoard's event files. A record is: length (uint64), masked CRC of the length (uint32),
// the bytes, masked CRC of the bytes (uint32); all little endian.
// https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details

const HEADER_BYTES = 12;
const FOOTER_BYTES = 4;
/** Castagnoli's polynomial, its bits reversed. Node's `zlib.crc32` is the other one. */
const POLYNOMIAL = 0x82f63b78;
const MASK_DELTA = 0xa282ead8;

/** The CRC of every single byte. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc;
});

/** CRC-32C of some bytes (RFC 3720, appendix B.4). */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** The CRC as a record holds it: rotated right by 15 bits, plus a constant. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0;
}

/** `data` as one record. */
export function frameRecord(data: Uint8Array): Buffer {
  const record = Buffer.alloc(HEADER_BYTES + data.length + FOOTER_BYTES);
  record.writeBigUInt64LE(BigInt(data.length));
  record.writeUInt32LE(maskedCrc(record.subarray(0, 8)), 8);
  record.set(data, HEADER_BYTES);
  record.writeUInt32LE(maskedCrc(data), HEADER_BYTES + data.length);
  return record;
}

/**
 * The records of a file's bytes, in their order, up to the first that is cut short or whose CRC is another: what a
 * killed process leaves at the end.
 * @returns each record's bytes, and where in the file it ends
 */
export function* readRecords(bytes: Buffer): Generator<{ data: Uint8Array; end: number }> {
  let start = 0;
  while (start + HEADER_BYTES + FOOTER_BYTES <= bytes.length) {
    const length = bytes.subarray(start, start + 8);
    if (bytes.readUInt32LE(start + 8) !== maskedCrc(length)) return;
    const dataStart = start + HEADER_BYTES;
    const dataEnd = dataStart + Number(length.readBigUInt64LE());
    if (dataEnd + FOOTER_BYTES > bytes.length) return;
    const data = bytes.subarray(dataStart, dataEnd);
    if (bytes.readUInt32LE(dataEnd) !== maskedCrc(data)) return;
    start = dataEnd + FOOTER_BYTES;
    yield { data, end: start };
  }
}
