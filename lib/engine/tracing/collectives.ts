// Collective operations of a cluster of W processes. They work only while tracing, in functions that all processes
// trace and run alike. On GPUs NCCL hangs unless every process starts its collectives in the same order, so those of
// a function are chained: each begins when the previous one has ended.

import { tf } from "../native/tf";
import type { Cluster } from "../session/cluster";
import { dtypeOf } from "./cast";
import { chained } from "./order";
import { rawOp } from "./raw_op";

/** Key of the one group that all processes belong to. */
const GROUP_KEY = 1;
/** NCCL on GPUs, a ring over gRPC on CPUs. */
const HINT = { communication_hint: "auto" };

/** Function that combines the values of all processes. */
export type Reduction = "sum" | "mean" | "min" | "max";

const REDUCTIONS: Record<Reduction, { merge_op: string; final_op: string }> = {
  sum: { merge_op: "Add", final_op: "Id" },
  mean: { merge_op: "Add", final_op: "Div" },
  min: { merge_op: "Min", final_op: "Id" },
  max: { merge_op: "Max", final_op: "Id" },
};

/**
 * Reduces the processes' values elementwise, for use while tracing. All processes pass the same shape and get the same
 * bits. Dtypes: float32, int32, bfloat16, float16. It has no gradient; `meanOverRanks` has.
 */
export function allReduce<T extends tf.Tensor>(cluster: Cluster, x: T, reduction: Reduction): T {
  return collective(cluster, "CollectiveReduceV2", x, { ...REDUCTIONS[reduction], ...HINT }) as T;
}

/**
 * Returns the mean of a tensor over the processes, for use while tracing. Its gradient is the mean of the processes'
 * gradients, as of a loss that is the mean of the processes' losses.
 */
export function meanOverRanks<T extends tf.Tensor>(cluster: Cluster, x: T): T {
  const mean = tf.customGrad((input) => ({
    value: allReduce(cluster, input as tf.Tensor, "mean"),
    gradFunc: (dy) => allReduce(cluster, dy, "mean"),
  }));
  return mean(x) as T;
}

/**
 * Concatenates the processes' values in the order of ranks, for use while tracing. [n, ...] -> [W * n, ...]; float32,
 * float16 or int32.
 */
export function allGather(cluster: Cluster, x: tf.Tensor): tf.Tensor {
  const [rows, ...rest] = x.shape;
  const shape = [rows! * cluster.worldSize, ...rest];
  return withShape(collective(cluster, "CollectiveGatherV2", x, HINT), shape);
}

/**
 * Concatenates the processes' values in the order of ranks, for use while tracing, in a loss that every process computes
 * alike from the values of all. [n, ...] -> [W * n, ...]. Its gradient is this process's part, times W, since the
 * gradients of earlier weights are averaged over the processes afterwards.
 */
export function gatherOverRanks<T extends tf.Tensor>(cluster: Cluster, x: T): T {
  const gather = tf.customGrad((own) => {
    const { shape } = own as tf.Tensor;
    const start = [cluster.rank * shape[0]!, ...shape.slice(1).map(() => 0)];
    return {
      value: allGather(cluster, own as tf.Tensor),
      gradFunc: (dy) => tf.mul(tf.slice(dy, start, shape), cluster.worldSize),
    };
  });
  return gather(x) as T;
}

/**
 * Returns the chief's value in all processes, for use while tracing. From the others' values it takes only shape and
 * dtype.
 */
export function broadcast<T extends tf.Tensor>(cluster: Cluster, x: T): T {
  if (cluster.rank === 0) return collective(cluster, "CollectiveBcastSendV2", x, HINT) as T;
  const shape = tf.tensor1d(x.shape, "int32");
  const [size, ...others] = keys(cluster);
  const attributes = { T: dtypeOf(x), ...HINT };
  const received = chained(
    size!,
    (size) => rawOp("CollectiveBcastRecvV2", [size, ...others, shape], attributes)[0]!,
  );
  return withShape(received, x.shape) as T;
}

function collective(
  cluster: Cluster,
  op: string,
  x: tf.Tensor,
  attributes: Record<string, string>,
): tf.Tensor {
  return chained(x, (input) => rawOp(op, [input, ...keys(cluster)], attributes)[0]!);
}

/** Adds the shape of a tensor, which TensorFlow cannot infer from the collective operation. */
function withShape(x: tf.Tensor, shape: number[]): tf.Tensor {
  return rawOp("EnsureShape", [x], { shape })[0]!;
}

/** Returns size and key of the group, and the key of this operation, which is the same in all processes. */
function keys({ worldSize, nextKey }: Cluster): tf.Tensor[] {
  return [worldSize, GROUP_KEY, nextKey()].map((number) => tf.scalar(number, "int32"));
}
