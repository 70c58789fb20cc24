// Averages gradients over all processes, in buckets. Shapes: W processes, n numbers of a bucket.
import type { BucketSettings } from "../../config/processes";
import { tf } from "../../engine/native/tf";
import type { Cluster } from "../../engine/session/cluster";
import { castTo } from "../../engine/tracing/cast";
import { allReduce } from "../../engine/tracing/collectives";
import { tracedAt } from "../../engine/tracing/order";
import { scope } from "../../engine/tracing/scope";

/**
 * Returns the mean of each gradient over the processes. Buckets are filled in the order of the backward pass, and a
 * bucket is sent as soon as it is full, while the pass computes the gradients of earlier layers.
 */
export function meanGradients(
  cluster: Cluster,
  config: BucketSettings,
  gradients: ReadonlyMap<string, tf.Tensor>,
): Map<string, tf.Tensor> {
  const order = new Map([...gradients].map(([name, gradient]) => [name, tracedAt(gradient)]));
  const names = [...gradients.keys()].sort((a, b) => order.get(a)! - order.get(b)!);
  const means = new Map<string, tf.Tensor>();
  const buckets = fillBuckets(names, (name) => 4 * gradients.get(name)!.size, config.bucketMB * 1e6);
  for (const [i, bucket] of buckets.entries()) {
    const reduced = scope(`bucket${i}`, () =>
      meanOfBucket(
        cluster,
        config,
        bucket.map((name) => gradients.get(name)!),
      ),
    );
    for (const [k, name] of bucket.entries()) means.set(name, reduced[k]!);
  }
  return means;
}

/** Groups names, in order, into buckets of at most `limitBytes`; a larger tensor gets its own bucket. */
export function fillBuckets(
  names: readonly string[],
  bytesOf: (name: string) => number,
  limitBytes: number,
): string[][] {
  const buckets: string[][] = [];
  let free = 0;
  for (const name of names) {
    const bytes = bytesOf(name);
    if (buckets.length === 0 || bytes > free) {
      buckets.push([]);
      free = limitBytes;
    }
    buckets.at(-1)!.push(name);
    free -= bytes;
  }
  return buckets;
}

function meanOfBucket(
  cluster: Cluster,
  config: BucketSettings,
  gradients: readonly tf.Tensor[],
): tf.Tensor[] {
  const flat = gradients.map((gradient) => tf.reshape(gradient, [gradient.size]));
  const mean = meanOf(cluster, config, flat.length === 1 ? flat[0]! : tf.concat(flat));
  const parts =
    flat.length === 1
      ? [mean]
      : tf.split(
          mean,
          flat.map(({ size }) => size),
        );
  return gradients.map(({ shape }, i) => tf.reshape(parts[i]!, shape));
}

function meanOf(cluster: Cluster, { gradientDtype }: BucketSettings, bucket_n: tf.Tensor): tf.Tensor {
  if (gradientDtype === "float32") return allReduce(cluster, bucket_n, "mean");
  const sum = castTo(allReduce(cluster, castTo(bucket_n, gradientDtype), "sum"), "float32");
  return tf.div(sum, cluster.worldSize);
}
