// A head whose classes are sharded over processes, for very many classes: no process holds all rows or all logits.
// Shapes: W processes, B images per process, C classes, S = ceil(C / W) classes per process, K rows per class,
// E embedding length, n classes in a step (S, or a sample).
import type { LossSettings } from "../config/loss";
import { tf } from "../engine/native/tf";
import type { Cluster } from "../engine/session/cluster";
import { allGather, allReduce } from "../engine/tracing/collectives";
import { MARGIN_RULES } from "./arcface";
import { classCosines, LEFT_OUT_PENALTY, otherDataSets } from "./head";

/** Returns S, the number of classes per process, from rank x S on; the last shard may reach beyond the last class. */
export function shardSize(classCount: number, worldSize: number): number {
  return Math.ceil(classCount / worldSize);
}

/** Returns a process's number of classes in a step: its share, but enough for all classes of the step's images. */
export function sampleSize(share: number, classesOfShard: number, imagesOfStep: number): number {
  return Math.min(classesOfShard, Math.max(Math.ceil(share * classesOfShard), imagesOfStep));
}

/** Options of the sharded loss. */
export interface ShardedLossOptions {
  loss: LossSettings["loss"];
  /** Scale. */
  s: number;
  /** C, the classes of all processes. */
  classCount: number;
  /** K, the number of rows per class. */
  rowsPerClass: number;
}

/** Tensors of the sharded loss. */
export interface ShardedLossInputs {
  /** This process's embeddings [B, E]. */
  embeddings: tf.Tensor2D;
  /** This process's rows [S K, E]. */
  rows: tf.Tensor2D;
  /** All processes' labels [W B], by rank (`allGather`). */
  labels: tf.Tensor1D;
  /** Margins of all images [W B, 1], or a scalar; radians for ArcFace. */
  margin: tf.Tensor;
  /** Number of each class's data set, [C], if each data set has a head of its own. */
  dataSets?: tf.Tensor | undefined;
  /** `draws` from [0, 1) rank the classes without an image in this step, [S]; `size` classes are kept. */
  sample?: { draws: tf.Tensor1D; size: number };
}

/**
 * Returns `marginLoss` over the images and classes of all processes, each of which holds its shard of the rows. All get
 * the same scalar: the mean loss of all W B images. Gradients of the rows are complete; those of the embeddings are
 * scaled so that the mean over the processes (`allReduce`) equals the gradient in one process with all images.
 * With `sample` the softmax runs over the step's own classes and some others: "Partial FC"
 * (https://arxiv.org/abs/2203.15565).
 */
export function shardedMarginLoss(
  cluster: Cluster,
  { embeddings, rows, labels, margin, dataSets, sample }: ShardedLossInputs,
  { loss, s, classCount, rowsPerClass: K }: ShardedLossOptions,
): tf.Scalar {
  const all = gatherEmbeddings(cluster, embeddings);
  const S = rows.shape[0] / K;
  const first = cluster.rank * S;
  const local = sample ? sampledClasses(labels, first, sample) : tf.range(0, S, 1, "int32");
  const chosen = sample ? rowsOfClasses(rows, local, K) : rows;
  const classes = tf.add(local, tf.scalar(first, "int32"));
  const isTrue = tf.equal(tf.expandDims(labels, 1), tf.expandDims(classes, 0)).toFloat();
  // Padding rows in the last process's shard
  const filler = tf.mul(tf.greaterEqual(classes, tf.scalar(classCount, "int32")).toFloat(), LEFT_OUT_PENALTY);
  const leftOut = dataSets ? tf.maximum(filler, otherClasses(dataSets, labels, classes)) : filler;
  const cosines = classCosines(all, chosen, K);
  // Only the process that holds an image's class has its cosine; elsewhere isTrue is all 0
  const truth = tf.sum(tf.mul(cosines, isTrue), 1, true);
  const shift = tf.sub(MARGIN_RULES[loss](truth, margin).value, truth);
  const logits = tf.sub(tf.mul(tf.add(cosines, tf.mul(isTrue, shift)), s), leftOut);
  const highest = largestOverRanks(cluster, tf.max(logits, 1, true));
  const sums = sumOverRanks(cluster, tf.sum(tf.exp(tf.sub(logits, highest)), 1, true));
  const ofTruth = sumOverRanks(cluster, tf.sum(tf.mul(isTrue, logits), 1, true));
  return tf.mean(tf.sub(tf.add(tf.log(sums), highest), ofTruth)) as tf.Scalar;
}

/** Returns the penalties of classes of other data sets than the image's. classes [n], padding included -> [W B, n]. */
function otherClasses(dataSets: tf.Tensor, labels: tf.Tensor1D, classes: tf.Tensor): tf.Tensor {
  const existing = tf.minimum(classes, tf.scalar(dataSets.shape[0]! - 1, "int32"));
  return otherDataSets(dataSets, labels, tf.gather(dataSets, existing as tf.Tensor1D));
}

/**
 * Gathers the embeddings of all processes. [B, E] -> [W B, E]. Every process uses all of them, so the gradient of an
 * embedding is the sum over the processes; it is multiplied by W, since the gradients of earlier weights are averaged
 * over the processes afterwards.
 */
function gatherEmbeddings(cluster: Cluster, embeddings: tf.Tensor2D): tf.Tensor2D {
  const [B, E] = embeddings.shape;
  const gather = tf.customGrad((own) => ({
    value: allGather(cluster, own as tf.Tensor),
    gradFunc: (dy) => {
      const summed = allReduce(cluster, dy, "sum");
      return tf.mul(tf.slice(summed, [cluster.rank * B, 0], [B, E]), cluster.worldSize);
    },
  }));
  return gather(embeddings) as tf.Tensor2D;
}

/** Sums over the processes. All compute the same loss: the gradient of each summand is that of the sum. */
function sumOverRanks<T extends tf.Tensor>(cluster: Cluster, x: T): T {
  const sum = tf.customGrad((own) => ({
    value: allReduce(cluster, own as tf.Tensor, "sum"),
    gradFunc: (dy) => dy,
  }));
  return sum(x) as T;
}

/** Returns the largest value over the processes; constant to the gradient, as softmax is invariant to the shift. */
function largestOverRanks<T extends tf.Tensor>(cluster: Cluster, x: T): T {
  const largest = tf.customGrad((own) => ({
    value: allReduce(cluster, own as tf.Tensor, "max"),
    gradFunc: (dy) => tf.zerosLike(dy),
  }));
  return largest(x) as T;
}

/** Returns this process's classes with an image in the step, then those with the largest draws. [n] int32, from 0. */
function sampledClasses(
  labels: tf.Tensor1D,
  first: number,
  { draws, size }: { draws: tf.Tensor1D; size: number },
): tf.Tensor1D {
  const own = tf.range(first, first + draws.shape[0], 1, "int32");
  const isPresent = tf.any(tf.equal(tf.expandDims(labels, 1), tf.expandDims(own, 0)), 0).toFloat();
  return tf.topk(tf.add(draws, isPresent), size).indices as tf.Tensor1D;
}

/** Returns the K rows of some classes. rows [S K, E], classes [n] -> [n K, E]. */
function rowsOfClasses(rows: tf.Tensor2D, classes: tf.Tensor1D, K: number): tf.Tensor2D {
  const [all, E] = rows.shape;
  const byClass = tf.reshape(rows, [all / K, K * E]);
  return tf.reshape(tf.gather(byClass, classes), [classes.shape[0] * K, E]);
}
