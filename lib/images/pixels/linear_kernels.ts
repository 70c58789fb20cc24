// WebAssembly kernels for the two sums of OpenCV's INTER_LINEAR. Shapes: W source width, w target width.
import { compileKernel, FLOAT, joinLines, type Kernel, VECTOR } from "./vector_kernel";

/** Number of values that `blendRows` writes at a time. */
export const VALUES_PER_BLEND = 16;

/** Shuffle of two pixels' bytes, four values each, in turn. */
const IN_TURN = Array.from({ length: 4 }, (_, i) => `${i} ${VECTOR + i}`).join(" ");

/**
 * Compiles the kernel (row, starts, weights, target, targetEnd): uint8 [W, 3] -> int32 [w, 3]. Each pixel is the sum of
 * two weighted pixels without its lowest four bits. It reads and writes four values at a time: a pixel and the red of
 * the next one.
 */
export function reduceRow(memory: WebAssembly.Memory): Kernel {
  const pixel = (which: number) =>
    `(v128.load32_zero (i32.add (local.get $row) (i32.load offset=${which * FLOAT} (local.get $starts))))`;
  return compileKernel(
    memory,
    `
    (param $row i32) (param $starts i32) (param $weights i32) (param $target i32) (param $targetEnd i32)
    (loop $pixels
      (v128.store (local.get $target) (i32x4.shr_s
        (i32x4.dot_i16x8_s
          (i16x8.extend_low_i8x16_u (i8x16.shuffle ${IN_TURN} ${IN_TURN} ${pixel(0)} ${pixel(1)}))
          (v128.load32_splat (local.get $weights)))
        (i32.const 4)))
      (local.set $target (i32.add (local.get $target) (i32.const ${3 * FLOAT})))
      (local.set $starts (i32.add (local.get $starts) (i32.const ${2 * FLOAT})))
      (local.set $weights (i32.add (local.get $weights) (i32.const ${FLOAT})))
      (br_if $pixels (i32.lt_u (local.get $target) (local.get $targetEnd))))`,
  );
}

/**
 * Compiles the kernel (top, bottom, topWeight, bottomWeight, target, targetEnd): two rows of int32 -> uint8. It weights
 * each row and cuts off 16 bits, then sums both and rounds off 2 bits.
 */
export function blendRows(memory: WebAssembly.Memory): Kernel {
  const weighted = (row: string, part: number) => `
        (i32x4.shr_s
          (i32x4.mul (v128.load offset=${part * VECTOR} (local.get $${row})) (local.get $${row}Weights))
          (i32.const 16))`;
  const rounded = (part: number) => `
      (i32x4.shr_s
        (i32x4.add (i32x4.add ${weighted("top", part)} ${weighted("bottom", part)}) (i32x4.splat (i32.const 2)))
        (i32.const 2))`;
  const half = (part: number) => `(i16x8.narrow_i32x4_s ${rounded(part)} ${rounded(part + 1)})`;
  const advance = (name: string, bytes: number) =>
    `(local.set $${name} (i32.add (local.get $${name}) (i32.const ${bytes})))`;
  return compileKernel(
    memory,
    `
    (param $top i32) (param $bottom i32) (param $topWeight i32) (param $bottomWeight i32)
    (param $target i32) (param $targetEnd i32) (local $topWeights v128) (local $bottomWeights v128)
    ${joinLines(["top", "bottom"], (row) => `(local.set $${row}Weights (i32x4.splat (local.get $${row}Weight)))`)}
    (loop $values
      (v128.store (local.get $target) (i8x16.narrow_i16x8_u ${half(0)} ${half(2)}))
      ${joinLines(["top", "bottom"], (row) => advance(row, VALUES_PER_BLEND * FLOAT))}
      ${advance("target", VALUES_PER_BLEND)}
      (br_if $values (i32.lt_u (local.get $target) (local.get $targetEnd))))`,
  );
}
