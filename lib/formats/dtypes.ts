// Types of numbers in files of weights, and their conversion to and from float32.

/** Bytes of one number by safetensors' name of its type; types below 1 byte are packed. */
export const DTYPE_BYTES = {
  F4: 0.5,
  F6_E2M3: 0.75,
  F6_E3M2: 0.75,
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E4M3FNUZ: 1,
  F8_E5M2: 1,
  F8_E5M2FNUZ: 1,
  F8_E8M0: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
  C64: 8,
} as const;

/** A type of number in a safetensors file. */
export type Dtype = keyof typeof DTYPE_BYTES;

/** Conversions by type: from packed little-endian numbers at the end of `memory` to float32 in all of it. */
const WIDENERS: { [name in Dtype]?: (memory: Float32Array) => void } = {
  F32: () => {},
  F16: (memory) => {
    const table = halfTable();
    const bits = packedHalves(memory);
    for (let i = 0; i < memory.length; i++) memory[i] = table[bits[i]!]!;
  },
  BF16: (memory) => {
    const words = new Uint32Array(memory.buffer, memory.byteOffset, memory.length);
    const bits = packedHalves(memory);
    for (let i = 0; i < memory.length; i++) words[i] = bits[i]! << 16;
  },
  F8_E4M3: widenBytes({ exponentBits: 4, hasInfinity: false }),
  F8_E5M2: widenBytes({ exponentBits: 5, hasInfinity: true }),
};

/** The types that can be read as numbers; others can only be listed. F64 is rounded to float32. */
export const READABLE_DTYPES = [...Object.keys(WIDENERS), "F64"] as Dtype[];

/**
 * Widens numbers in place, so that a tensor never needs memory twice: read its bytes to the end of the memory for its
 * float32 values, then call this. Number i is written at byte 4 i and read from byte 2 (n + i), or 3 n + i for types of
 * 8 bits: no number is overwritten before it is read.
 * @param dtype one of READABLE_DTYPES except F64
 */
export function widenInPlace(dtype: Dtype, memory: Float32Array): void {
  WIDENERS[dtype]?.(memory);
}

/** Makes a conversion of 8-bit numbers in the last quarter of the memory, by a table of all 256. */
function widenBytes(format: SmallFloat): (memory: Float32Array) => void {
  let table: Float32Array | undefined;
  return (memory) => {
    table ??= Float32Array.from({ length: 256 }, (_, bits) => smallFloat(bits, format));
    const { buffer, byteOffset, length } = memory;
    const bytes = new Uint8Array(buffer, byteOffset + 3 * length, length);
    for (let i = 0; i < length; i++) memory[i] = table[bytes[i]!]!;
  };
}

/** A format of 8-bit numbers: sign, exponent, fraction. https://arxiv.org/abs/2209.05433 */
interface SmallFloat {
  exponentBits: number;
  /** True as in IEEE 754: the highest exponent means infinity and NaN. Else only its highest fraction means NaN. */
  hasInfinity: boolean;
}

function smallFloat(bits: number, { exponentBits, hasInfinity }: SmallFloat): number {
  const fractionBits = 7 - exponentBits;
  const sign = bits >> 7 ? -1 : 1;
  const highest = 2 ** exponentBits - 1;
  const bias = 2 ** (exponentBits - 1) - 1;
  const exponent = (bits >> fractionBits) & highest;
  const fraction = bits & (2 ** fractionBits - 1);
  if (exponent === highest && hasInfinity) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === highest && fraction === 2 ** fractionBits - 1) return Number.NaN;
  const share = fraction / 2 ** fractionBits;
  return exponent === 0 ? sign * share * 2 ** (1 - bias) : sign * (1 + share) * 2 ** (exponent - bias);
}

/** Returns the second half of the memory as 16-bit numbers. */
function packedHalves({ buffer, byteOffset, length }: Float32Array): Uint16Array {
  return new Uint16Array(buffer, byteOffset + 2 * length, length);
}

/** Converts to half precision: to the nearest, ties to even, infinite from 65,520. NumPy: `astype(float16)`. */
export function toHalves(values: Float32Array): Uint16Array {
  const halves = new Uint16Array(values.length);
  const small = new Float32Array(1);
  const smallBits = new Uint32Array(small.buffer);
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < words.length; i++) {
    const sign = (words[i]! >>> 16) & 0x8000;
    const bits = words[i]! & 0x7fffffff;
    let half: number;
    if (bits >= 0x47800000) {
      half = bits > 0x7f800000 ? 0x7e00 : 0x7c00;
    } else if (bits < 0x38800000) {
      // Below 2^-14: near 0.5, float32 has the same step (2^-24) as half precision has here.
      small[0] = Math.abs(values[i]!) + 0.5;
      half = smallBits[0]! - 0x3f000000;
    } else {
      half = (bits - 0x38000000 + 0xfff + ((bits >>> 13) & 1)) >>> 13;
    }
    halves[i] = sign | half;
  }
  return halves;
}

let halves: Float32Array | undefined;

/** Returns all 65,536 half-precision numbers as float32. */
function halfTable(): Float32Array {
  halves ??= Float32Array.from({ length: 65536 }, (_, bits) => halfToNumber(bits));
  return halves;
}

/** Decodes IEEE 754 binary16: 1 bit sign, 5 bits exponent, 10 bits fraction. */
function halfToNumber(bits: number): number {
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
