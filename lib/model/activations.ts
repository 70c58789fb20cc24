// Activations between the two layers of an MLP. Each has its own gradient, which saves only the input.
// Shapes: R rows, O outputs.
import { tf } from "../engine/native/tf";
import { withGradient } from "./with_gradient";

/** Returns x * Phi(x) with the normal distribution's exact Phi. [R, O] -> [R, O]. PyTorch: `F.gelu`. */
export function gelu(x: tf.Tensor2D): tf.Tensor2D {
  return withGradient([x], () => ({
    value: tf.mul(x, normalCdf(x)),
    saved: [x],
    gradient: (dy, [x]) => {
      const density = tf.mul(tf.exp(tf.mul(tf.square(x!), -0.5)), 1 / Math.sqrt(2 * Math.PI));
      return [tf.mul(dy, tf.add(normalCdf(x!), tf.mul(x!, density)))];
    },
  }));
}

/** Returns Phi(x), the standard normal distribution function. */
function normalCdf(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5);
}

/** The slope of QuickGELU's sigmoid. */
const QUICK_SLOPE = 1.702;

/** Returns x * sigmoid(1.702 x), the GELU of OpenAI's CLIP. [R, O] -> [R, O]. open_clip: `QuickGELU`. */
export function quickGelu(x: tf.Tensor2D): tf.Tensor2D {
  return withGradient([x], () => ({
    value: tf.mul(x, tf.sigmoid(tf.mul(x, QUICK_SLOPE))),
    saved: [x],
    gradient: (dy, [x]) => {
      const scaled = tf.mul(x!, QUICK_SLOPE);
      const gate = tf.sigmoid(scaled);
      return [tf.mul(dy, tf.mul(gate, tf.add(1, tf.mul(scaled, tf.sub(1, gate)))))];
    },
  }));
}

/** Constants of the tanh approximation of Phi: sqrt(2 / pi) and the cubic coefficient (Hendrycks and Gimpel, 2016). */
const TANH_SCALE = Math.sqrt(2 / Math.PI);
const TANH_CUBIC = 0.044715;

/**
 * Returns x / 2 * (1 + tanh(u)) with u = sqrt(2 / pi) (x + 0.044715 x^3), computed as x * sigmoid(2 u).
 * [R, O] -> [R, O]. PyTorch: `F.gelu(approximate="tanh")`; SigLIP's activation.
 */
export function geluTanh(x: tf.Tensor2D): tf.Tensor2D {
  return withGradient([x], () => ({
    value: tf.mul(x, tanhGate(x)),
    saved: [x],
    gradient: (dy, [x]) => {
      const gate = tanhGate(x!);
      const slope = tf.mul(tf.add(tf.mul(tf.square(x!), 3 * TANH_CUBIC), 1), 2 * TANH_SCALE); // d 2u / dx
      return [tf.mul(dy, tf.mul(gate, tf.add(1, tf.mul(tf.mul(x!, slope), tf.sub(1, gate)))))];
    },
  }));
}

/** Returns sigmoid(2 u), which is (1 + tanh(u)) / 2. */
function tanhGate(x: tf.Tensor): tf.Tensor {
  const cubic = tf.add(tf.mul(tf.square(x), TANH_CUBIC), 1);
  return tf.sigmoid(tf.mul(tf.mul(x, cubic), 2 * TANH_SCALE));
}

/**
 * Returns silu(a) * b of the two halves a, b of each row, with silu(a) = a sigmoid(a). [R, 2 O] -> [R, O].
 * DINOv2: the part of `SwiGLUFFN` between `w12` and `w3`.
 */
export function swiGlu(x: tf.Tensor2D): tf.Tensor2D {
  return withGradient([x], () => {
    const [a, b] = tf.split(x, 2, 1);
    return {
      value: tf.mul(tf.mul(a!, tf.sigmoid(a!)), b!),
      saved: [x],
      gradient: (dy, [x]) => {
        const [a, b] = tf.split(x!, 2, 1);
        const gate = tf.sigmoid(a!);
        const dA = tf.mul(tf.mul(dy, b!), tf.mul(gate, tf.add(1, tf.mul(a!, tf.sub(1, gate)))));
        return [tf.concat([dA, tf.mul(dy, tf.mul(a!, gate))], 1)];
      },
    };
  });
}
