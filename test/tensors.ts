// Random tensors, and differences of tensors.
import type { RandomStream } from "guie/dist/common/random";
import { tf } from "guie/dist/engine/native/tf";

/** Returns a standard normal tensor from a seeded stream. */
export function randomTensor(random: RandomStream, shape: readonly number[]): tf.Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, () => random.normal()),
    [...shape],
  );
}

/** Returns the largest absolute difference of two tensors or arrays of the same size; NaN counts as infinite. */
export function largestDifference(a: tf.Tensor | Float32Array, b: tf.Tensor | Float32Array): number {
  const [left, right] = [a, b].map((x) => (x instanceof Float32Array ? x : (x.dataSync() as Float32Array)));
  if (left!.length !== right!.length) throw new Error(`${left!.length} values against ${right!.length}`);
  let largest = 0;
  left!.forEach((value, i) => {
    const difference = Math.abs(value - right![i]!);
    largest = Math.max(largest, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
  });
  return largest;
}
