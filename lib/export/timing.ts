// The speed of an exported model, for an estimate of a submission's time.

import type { TensorValue } from "../engine/native/host_tensor";
import type { tf } from "../engine/native/tf";
import type { GraphFunction } from "../engine/program/graph_function";

/** The competition's hidden set: 5,000 queries and 200,000 index images, one at a time. */
export const COMPETITION_IMAGES = 205_000;

/** Size of the test image: a typical photo. */
const HEIGHT_PX = 480;
const WIDTH_PX = 640;
const WARM_UPS = 2;
const RUNS = 7;
const LONGEST_MS = 10_000;

/** Measures images per second on this machine: one 640 x 480 px image at a time, median of up to 7 runs. */
export async function measureSpeed(embed: GraphFunction<"images", tf.Tensor>): Promise<number> {
  const data = Uint8Array.from({ length: HEIGHT_PX * WIDTH_PX * 3 }, (_, i) => (i * i) >> 3);
  const images: TensorValue = { dtype: "uint8", shape: [1, HEIGHT_PX, WIDTH_PX, 3], data };
  const timesMs: number[] = [];
  const startedAt = performance.now();
  for (let run = -WARM_UPS; run < RUNS; run++) {
    const began = performance.now();
    await embed.run({ images });
    if (run >= 0) timesMs.push(performance.now() - began);
    if (timesMs.length > 0 && performance.now() - startedAt > LONGEST_MS) break;
  }
  return 1000 / timesMs.sort((a, b) => a - b)[timesMs.length >> 1]!;
}
