// Layers that look up their weights by name.
import type { tf } from "../engine/native/tf";
import { gelu, geluTanh, quickGelu, swiGlu } from "./activations";
import { layerNorm, linear } from "./layers";
import type { Activation, Tower } from "./tower";

/** Weights by name; a tower's names and shapes are those of `towerShapes`. */
export type Weights = Record<string, tf.Tensor>;

/** The function of each activation of a tower. [R, I] -> [R, I], SwiGLU [R, 2 I] -> [R, I]. */
export const ACTIVATIONS: Record<Activation, (x: tf.Tensor2D) => tf.Tensor2D> = {
  gelu,
  quickGelu,
  geluTanh,
  swiGlu,
};

/** Applies `linear` with the weights `<name>.weight` and `<name>.bias`. [R, I] -> [R, O]. */
export function namedLinear(weights: Weights, name: string, x: tf.Tensor2D): tf.Tensor2D {
  return linear(x, weights[`${name}.weight`] as tf.Tensor2D, weights[`${name}.bias`] as tf.Tensor1D);
}

/** Applies `layerNorm` with the weights `<name>.weight` and `<name>.bias`. [R, D] -> [R, D]. */
export function namedNorm(weights: Weights, name: string, x: tf.Tensor2D, tower: Tower): tf.Tensor2D {
  const gain = weights[`${name}.weight`] as tf.Tensor1D;
  return layerNorm(x, gain, weights[`${name}.bias`] as tf.Tensor1D, tower.layerNormEpsilon);
}
