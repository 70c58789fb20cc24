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

/** How the bytes (little endian, aligned) of a floating-point type become float32. */
const DECODERS: { [name in Dtype]?: (bytes: ArrayBuffer) => Float32Array } = {
  F32: (bytes) => new Float32Array(bytes),
  F16: (bytes) => Float32Array.from(new Uint16Array(bytes), (bits) => halfTable()[bits]!),
  BF16: (bytes) => new Float32Array(Uint32Array.from(new Uint16Array(bytes), (bits) => bits << 16).buffer),
};

/** The types that can be read as numbers; others can be listed. */
export const READABLE_DTYPES = Object.keys(DECODERS) as Dtype[];

/** The bytes of a tensor as float32, or undefined when the type is none of READABLE_DTYPES. */
export function decodeFloats(dtype: Dtype, bytes: ArrayBuffer): Float32Array | undefined {
  return DECODERS[dtype]?.(bytes);
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
