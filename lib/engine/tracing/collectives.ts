// What the processes of a cluster compute together, in traced functions that all of them trace and run alike.
// Shapes: W processes. On GPUs NCCL does it, which hangs unless every process starts its collectives in the same
// order: those of a function are chained, each begins when the one before has ended.

import { tf } from "../native/tf";
import type { Cluster } from "../session/cluster";
import { dtypeOf } from "./cast";
import { chained } from "./order";
import { rawOp } from "./raw_op";

/** All processes belong to one group. */
const GROUP_KEY = 1;
/** NCCL on GPUs, a ring over gRPC on CPUs. */
const HINT = { communication_hint: "auto" };

/** How values of all processes become one. */
export type Reduction = "sum" | "mean" | "min" | "max";

const REDUCTIONS: Record<Reduction, { merge_op: string; final_op: string }> = {
  sum: { merge_op: "Add", final_op: "Id" },
  mean: { merge_op: "Add", final_op: "Div" },
  min: { merge_op: "Min", final_op: "Id" },
  max: { merge_op: "Max", final_op: "Id" },
};

/**
 * The processes' values, of any one shape, reduced elementwise; all get the same bits. float32, int32, and in a traced function bfloat16
 * and float16. It has no gradient; `meanOverRanks` has.
 */
export function allReduce<T extends tf.Tensor>(cluster: Cluster, x: T, reduction: Reduction): T {
  return collective(cluster, "CollectiveReduceV2", x, { ...REDUCTIONS[reduction], ...HINT }) as T;
}

/** Mean over the processes of a tensor, with its gradient: that of a loss which is the mean of the processes' losses. */
export function meanOverRanks<T extends tf.Tensor>(cluster: Cluster, x: T): T {
  const mean = tf.customGrad((input) => ({
    value: allReduce(cluster, input as tf.Tensor, "mean"),
    gradFunc: (dy) => allReduce(cluster, dy, "mean"),
  }));
  return mean(x) as T;
}

/** The processes' values below each other, by rank. [n, ...] -> [W * n, ...]; float32, float16 or int32. */
export function allGather(cluster: Cluster, x: tf.Tensor): tf.Tensor {
  const [rows, ...rest] = x.shape;
  const shape = [rows! * cluster.worldSize, ...rest];
  return withShape(collective(cluster, "CollectiveGatherV2", x, HINT), shape);
}

/** The chief's value, in all processes; theirs tell only its shape and dtype. */
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

/** The same tensor, whose shape TensorFlow could not tell from the operation. */
function withShape(x: tf.Tensor, shape: number[]): tf.Tensor {
  return rawOp("EnsureShape", [x], { shape })[0]!;
}

/** Size and number of the group, and the number of this operation, which all processes give it. */
function keys({ worldSize, nextKey }: Cluster): tf.Tensor[] {
  return [worldSize, GROUP_KEY, nextKey()].map((number) => tf.scalar(number, "int32"));
}
