// WebAssembly kernels for the two sums of an area resize. Shapes: W source width, w target width.
import { compileKernel, FLOAT, joinLines, type Kernel, VECTOR } from "./vector_kernel";

/** Largest number of rows: those between the first and the last are summed in 16 bits. */
export const MOST_ROWS = 256;

const ZERO = "(v128.const i32x4 0 0 0 0)";
/** The halves of 16 columns, 8 each. */
const HALVES = ["low", "high"] as const;
/** The four sums of 16 columns, 4 columns each. */
const SUMS = HALVES.flatMap((half) => HALVES.map((part) => ({ sum: `${half}_${part}`, half, part })));

/**
 * Compiles the kernel (rows, rowBytes, lastRow, weights, target): it sums rows of bytes from `rows` to `lastRow`,
 * `rowBytes` apart, as float32, 16 columns at a time. The three weights are those of the first row, of the rows between
 * and of the last row.
 */
export function sumRows(memory: WebAssembly.Memory): Kernel {
  const bytes = (half: string) => `(i16x8.extend_${half}_i8x16_u (local.get $pixels))`;
  const addHalves = (weight: number) => `
    (local.set $weight (v128.load32_splat offset=${weight * FLOAT} (local.get $weights)))
    ${joinLines(
      SUMS,
      ({ sum, half, part }) => `
    (local.set $${sum} (f32x4.add (local.get $${sum}) (f32x4.mul
      (local.get $weight)
      (f32x4.convert_i32x4_s (i32x4.extend_${part}_i16x8_u (local.get $${half}))))))`,
    )}`;
  const addRow = (row: string, weight: number) => `
    (local.set $pixels (v128.load (local.get $${row})))
    ${joinLines(HALVES, (half) => `(local.set $${half} ${bytes(half)})`)}
    ${addHalves(weight)}`;
  return compileKernel(
    memory,
    `
    (param $rows i32) (param $rowBytes i32) (param $lastRow i32) (param $weights i32) (param $target i32)
    (local $column i32) (local $at i32) (local $last i32) (local $pixels v128) (local $weight v128)
    ${joinLines(HALVES, (half) => `(local $${half} v128)`)}
    ${joinLines(SUMS, ({ sum }) => `(local $${sum} v128)`)}
    (loop $columns
      (local.set $at (i32.add (local.get $rows) (local.get $column)))
      (local.set $last (i32.add (local.get $lastRow) (local.get $column)))
      ${joinLines(SUMS, ({ sum }) => `(local.set $${sum} ${ZERO})`)}
      ${addRow("at", 0)}
      (local.set $at (i32.add (local.get $at) (local.get $rowBytes)))
      (if (i32.lt_u (local.get $at) (local.get $last)) (then
        ${joinLines(HALVES, (half) => `(local.set $${half} ${ZERO})`)}
        (loop $between
          (local.set $pixels (v128.load (local.get $at)))
          ${joinLines(HALVES, (half) => `(local.set $${half} (i16x8.add (local.get $${half}) ${bytes(half)}))`)}
          (local.set $at (i32.add (local.get $at) (local.get $rowBytes)))
          (br_if $between (i32.lt_u (local.get $at) (local.get $last))))
        ${addHalves(1)}))
      (if (i32.le_u (local.get $at) (local.get $last)) (then ${addRow("last", 2)}))
      ${joinLines(SUMS, ({ sum }, i) => `(v128.store offset=${i * VECTOR} (local.get $target) (local.get $${sum}))`)}
      (local.set $target (i32.add (local.get $target) (i32.const ${SUMS.length * VECTOR})))
      (local.set $column (i32.add (local.get $column) (i32.const ${VECTOR})))
      (br_if $columns (i32.lt_u (local.get $column) (local.get $rowBytes))))`,
  );
}

/**
 * Compiles the kernel (row, starts, weights, scale, target, targetEnd): float32 [W, 3] -> uint8 [w, 3]. Each pixel is
 * the weighted sum of `taps` pixels, times the scale, plus the bias stored after it, rounded to nearest, ties to even.
 * It reads four floats at a time: a pixel and the red of the next one.
 */
export function squeezeRow(memory: WebAssembly.Memory, taps: number): Kernel {
  return compileKernel(
    memory,
    `
    (param $row i32) (param $starts i32) (param $weights i32) (param $scale i32)
    (param $target i32) (param $targetEnd i32) (local $at i32) (local $sum v128)
    (loop $pixels
      (local.set $at (i32.add (local.get $row) (i32.load (local.get $starts))))
      (local.set $sum ${ZERO})
      ${joinLines(
        Array.from({ length: taps }),
        (_, tap) => `
      (local.set $sum (f32x4.add (local.get $sum) (f32x4.mul
        (v128.load offset=${tap * 3 * FLOAT} (local.get $at))
        (v128.load32_splat offset=${tap * FLOAT} (local.get $weights)))))`,
      )}
      (local.set $sum (f32x4.mul (local.get $sum) (v128.load32_splat (local.get $scale))))
      (local.set $sum (f32x4.add (local.get $sum) (v128.load32_splat offset=${FLOAT} (local.get $scale))))
      (local.set $sum (i32x4.trunc_sat_f32x4_s (f32x4.nearest (local.get $sum))))
      (local.set $sum (i8x16.narrow_i16x8_u (i16x8.narrow_i32x4_u (local.get $sum) ${ZERO}) ${ZERO}))
      (v128.store32_lane 0 (local.get $target) (local.get $sum))
      (local.set $target (i32.add (local.get $target) (i32.const 3)))
      (local.set $starts (i32.add (local.get $starts) (i32.const ${FLOAT})))
      (local.set $weights (i32.add (local.get $weights) (i32.const ${taps * FLOAT})))
      (br_if $pixels (i32.lt_u (local.get $target) (local.get $targetEnd))))`,
  );
}
