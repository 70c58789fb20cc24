// TFRecord, the framing of TensorBoard's event files. A record consists of the length (uint64), the masked CRC of the
// length (uint32), the data, and the masked CRC of the data (uint32), all little endian.
// https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details

const HEADER_BYTES = 12;
const FOOTER_BYTES = 4;
/** Castagnoli's polynomial, bits reversed. Node's `zlib.crc32` uses another polynomial. */
const POLYNOMIAL = 0x82f63b78;
const MASK_DELTA = 0xa282ead8;

/** The CRC of every byte value. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc;
});

/** Computes the CRC-32C of bytes (RFC 3720, appendix B.4). */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** Computes the CRC as a record stores it: rotated right by 15 bits, plus a constant. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0;
}

/** Returns `data` framed as one record. */
export function frameRecord(data: Uint8Array): Buffer {
  const record = Buffer.alloc(HEADER_BYTES + data.length + FOOTER_BYTES);
  record.writeBigUInt64LE(BigInt(data.length));
  record.writeUInt32LE(maskedCrc(record.subarray(0, 8)), 8);
  record.set(data, HEADER_BYTES);
  record.writeUInt32LE(maskedCrc(data), HEADER_BYTES + data.length);
  return record;
}

/**
 * Yields the records of a file in order, up to the first that is cut short or fails its CRC: a killed process leaves
 * such a record at the end.
 * @returns each record's data, and the offset of its end in the file
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
