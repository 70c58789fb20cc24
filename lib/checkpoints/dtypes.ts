/** Bytes of one number by safetensors' name of its type. */
export const DTYPE_BYTES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
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
} as const;

/** A type of number in a safetensors file. */
export type Dtype = keyof typeof DTYPE_BYTES;

/** How numbers of a type that stand at the end of `memory`, packed and little endian, become float32 in all of it. */
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
};

/** The types that can be read as numbers; others can be listed. */
export const READABLE_DTYPES = Object.keys(WIDENERS) as Dtype[];

/**
 * Widens numbers in place, so that a tensor never needs memory twice: read its bytes to the end of the memory for its
 * float32 values, then call this. Number i is written at byte 4 i and read from byte 2 (n + i) or behind: none is
 * overwritten before it was read.
 * @param dtype one of READABLE_DTYPES
 */
export function widenInPlace(dtype: Dtype, memory: Float32Array): void {
  WIDENERS[dtype]?.(memory);
}

/** The second half of the memory as 16-bit numbers. */
function packedHalves({ buffer, byteOffset, length }: Float32Array): Uint16Array {
  return new Uint16Array(buffer, byteOffset + 2 * length, length);
}

/** Numbers as half precision, rounded to the nearest, ties to even; beyond 65,520 infinite. NumPy: `astype(float16)`. */
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
      // Below 2^-14: beside 0.5, float32 has just the 2^-24 that half precision counts in there.
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

/** float32 of all 65,536 half-precision numbers. */
function halfTable(): Float32Array {
  halves ??= Float32Array.from({ length: 65536 }, (_, bits) => halfToNumber(bits));
  return halves;
}

/** IEEE 754 binary16: 1 bit sign, 5 bits exponent, 10 bits fraction. */
function halfToNumber(bits: number): number {
  const sign = bits >> 15 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
