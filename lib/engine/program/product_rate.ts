// Measures how fast the device multiplies matrices.
import { tf } from "../native/tf";
import { Program } from "./program";

/** Rows of the matrices that are multiplied. */
const ROWS = 2048;
const PRODUCTS = 4;
const MEASURED_MS = 800;

/**
 * Measures how fast this machine multiplies float32 matrices, in floating point operations per second. It multiplies
 * [2048, D] by [D, 4 D] and back for about a second and takes the fastest run, to exclude other load. Call it outside
 * of traces.
 * @param width width D
 */
export async function measureProductRate(width: number): Promise<number> {
  const program = new Program();
  try {
    const shapes = { x: [ROWS, width], up: [width, 4 * width], down: [4 * width, width] };
    for (const [name, shape] of Object.entries(shapes)) {
      program.variable(name, { shape });
      const values = new Float32Array(shape[0]! * shape[1]!).map((_, i) => ((i % 17) - 8) / (8 * width));
      await program.assign(name, values);
    }
    const chain = program.function(
      "products",
      (_, variables) => {
        let x = variables.read("x");
        for (let i = 0; i < PRODUCTS; i++)
          x = tf.matMul(tf.matMul(x, variables.read("up")), variables.read("down"));
        return tf.sum(x);
      },
      {},
    );
    await chain.run({});
    const times: number[] = [];
    for (
      const startedAtMs = performance.now();
      times.length < 3 || performance.now() - startedAtMs < MEASURED_MS;
    ) {
      const beganAtMs = performance.now();
      await chain.run({});
      times.push(performance.now() - beganAtMs);
    }
    return (PRODUCTS * 2 * 2 * ROWS * width * 4 * width) / (Math.min(...times) / 1000);
  } finally {
    program.dispose();
  }
}
