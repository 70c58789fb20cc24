// How long a submission takes.

import type { TensorValue } from "../engine/native/host_tensor";
import type { tf } from "../engine/native/tf";
import type { GraphFunction } from "../engine/program/graph_function";

/** The competition's hidden set: 5,000 queries and 200,000 index images, one at a time. */
export const COMPETITION_IMAGES = 205_000;

/** A photo as they come. */
const HEIGHT_PX = 480;
const WIDTH_PX = 640;
const WARM_UPS = 2;
const RUNS = 7;
const LONGEST_MS = 10_000;

/** Images a second on this machine, one at a time, of 640 x 480 px: by the median of a few runs. */
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
