// The two sums of an area resize in WebAssembly's vector instructions. Shapes: W source, w target.
import {
  type Code,
  doWhile,
  get,
  i32,
  load,
  op,
  set,
  store,
  store32,
  type WasmFunction,
  when,
} from "../common/wasm";

/** Bytes of a vector, and of a float32. */
export const VECTOR = 16;
export const FLOAT = 4;
const ZERO: Code = [0xfd, 12, ...new Array<number>(VECTOR).fill(0)];

const EXTEND_BYTES = ["i16x8.extend_low_i8x16_u", "i16x8.extend_high_i8x16_u"] as const;
const EXTEND_SHORTS = ["i32x4.extend_low_i16x8_u", "i32x4.extend_high_i16x8_u"] as const;

/** Rows between the first and the last are summed in 16 bits. */
export const MOST_ROWS = 256;

const plus = (a: Code, b: Code) => op("i32.add", a, b);

/**
 * (rows, rowBytes, lastRow, weights, target): the sum of rows of bytes from `rows` to `lastRow`, `rowBytes` apart, as
 * float32, 16 columns at a time. Three weights: of the first row, of those between, of the last one.
 */
export function sumRows(): WasmFunction {
  const [rows, rowBytes, lastRow, weights, target] = [0, 1, 2, 3, 4] as const;
  const [column, at, last, pixels, weight] = [5, 6, 7, 8, 9] as const;
  const halves = [10, 11] as const; // 8 columns each
  const sums = [12, 13, 14, 15] as const; // 4 columns each
  const addHalves = (which: number) => [
    set(weight, load("v128.load32_splat", get(weights), which * FLOAT)),
    ...sums.map((sum, i) => {
      const floats = op("f32x4.convert_i32x4_s", op(EXTEND_SHORTS[i % 2]!, get(halves[i >> 1]!)));
      return set(sum, op("f32x4.add", get(sum), op("f32x4.mul", get(weight), floats)));
    }),
  ];
  const addRow = (row: number, which: number) => [
    set(pixels, load("v128.load", get(row))),
    ...halves.map((half, i) => set(half, op(EXTEND_BYTES[i]!, get(pixels)))),
    ...addHalves(which),
  ];
  const addRowsBetween = [
    ...halves.map((half) => set(half, ZERO)),
    doWhile(
      op("i32.lt_u", get(at), get(last)),
      set(pixels, load("v128.load", get(at))),
      ...halves.map((half, i) => set(half, op("i16x8.add", get(half), op(EXTEND_BYTES[i]!, get(pixels))))),
      set(at, plus(get(at), get(rowBytes))),
    ),
    ...addHalves(1),
  ];
  return {
    parameters: ["i32", "i32", "i32", "i32", "i32"],
    locals: ["i32", "i32", "i32", "v128", "v128", "v128", "v128", "v128", "v128", "v128", "v128"],
    body: [
      doWhile(
        op("i32.lt_u", get(column), get(rowBytes)),
        set(at, plus(get(rows), get(column))),
        set(last, plus(get(lastRow), get(column))),
        ...sums.map((sum) => set(sum, ZERO)),
        ...addRow(at, 0),
        set(at, plus(get(at), get(rowBytes))),
        when(op("i32.lt_u", get(at), get(last)), ...addRowsBetween),
        when(op("i32.le_u", get(at), get(last)), ...addRow(last, 2)),
        ...sums.map((sum, i) => store(get(target), get(sum), i * VECTOR)),
        set(target, plus(get(target), i32(4 * VECTOR))),
        set(column, plus(get(column), i32(VECTOR))),
      ),
    ],
  };
}

/**
 * (row, starts, weights, scale, target, targetEnd): float32 [W, 3] -> uint8 [w, 3], each the weighted sum of `taps`
 * pixels, times the scale, plus the bias that lies behind it, rounded to nearest, ties to even. Four floats are read at
 * a time: a pixel and the next one's red.
 */
export function squeezeRow(taps: number): WasmFunction {
  const [row, starts, weights, scale, target, targetEnd, at, sum] = [0, 1, 2, 3, 4, 5, 6, 7] as const;
  const addPixel = (_: unknown, tap: number) => {
    const factor = load("v128.load32_splat", get(weights), tap * FLOAT);
    const pixel = load("v128.load", get(at), tap * 3 * FLOAT);
    return set(sum, op("f32x4.add", get(sum), op("f32x4.mul", pixel, factor)));
  };
  const scaled = op("f32x4.mul", get(sum), load("v128.load32_splat", get(scale)));
  const result = op("f32x4.add", scaled, load("v128.load32_splat", get(scale), FLOAT));
  const integers = op("i32x4.trunc_sat_f32x4_s", op("f32x4.nearest", result));
  const bytes = op("i8x16.narrow_i16x8_u", op("i16x8.narrow_i32x4_u", integers, ZERO), ZERO);
  return {
    parameters: ["i32", "i32", "i32", "i32", "i32", "i32"],
    locals: ["i32", "v128"],
    body: [
      doWhile(
        op("i32.lt_u", get(target), get(targetEnd)),
        set(at, plus(get(row), load("i32.load", get(starts)))),
        set(sum, ZERO),
        ...Array.from({ length: taps }, addPixel),
        store32(get(target), bytes),
        set(target, plus(get(target), i32(3))),
        set(starts, plus(get(starts), i32(FLOAT))),
        set(weights, plus(get(weights), i32(taps * FLOAT))),
      ),
    ],
  };
}
