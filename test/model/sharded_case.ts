// A head of a few classes, whole and sharded. Shapes: W processes, B images per process, C classes, K rows per class.
import { randomStream } from "guie/dist/common/random";
import { tf } from "guie/dist/engine/native/tf";
import { marginLoss } from "guie/dist/model/arcface";
import { classCosines, cosinesWithinDataSets } from "guie/dist/model/head";
import { sampleSize, shardSize } from "guie/dist/model/sharded_head";
import { DATA_SET_NAME } from "guie/dist/model/weight_names";

export const [B, C, E, F] = [4, 23, 5, 6];
export const LOSS = { loss: "ArcFace", s: 20 } as const;
export const MARGIN = 0.3;

export interface ShardedCase {
  worldSize: number;
  /** K. */
  rowsPerClass: number;
  /** Share of the classes that a step samples; 1 = no sampling. */
  share: number;
  /** Number of data sets, each with a head of its own; default: one head. */
  dataSets?: number;
}

/** Returns the data set of each class, [C]; undefined for one head. */
export function dataSetsOf({ dataSets }: ShardedCase): number[] | undefined {
  return dataSets === undefined ? undefined : Array.from({ length: C }, (_, label) => label % dataSets);
}

export function numbers(name: string, count: number): Float32Array {
  const random = randomStream(7, "sharded head", name);
  return Float32Array.from({ length: count }, () => 2 * random.uniform() - 1);
}

/** Returns inputs [W B, F], a linear layer [F, E], the head [C K, E], labels [W B] and draws [W S] in class order. */
export function caseData({ worldSize: W, rowsPerClass: K }: ShardedCase) {
  const random = randomStream(7, "sharded head", "labels");
  const draws = numbers("draws", W * shardSize(C, W)).map((value) => (value + 1) / 2);
  return {
    inputs: numbers("inputs", W * B * F),
    linear: numbers("linear", F * E),
    head: numbers("head", C * K * E),
    labels: Int32Array.from({ length: W * B }, () => Math.floor(C * random.uniform())),
    draws,
  };
}

/** Returns the classes in the step, ascending: all, or each process's sample. */
export function expectedClasses(spec: ShardedCase): number[] {
  const { labels, draws } = caseData(spec);
  const S = shardSize(C, spec.worldSize);
  if (spec.share === 1) return Array.from({ length: C }, (_, i) => i);
  const size = sampleSize(spec.share, S, spec.worldSize * B);
  const chosen = Array.from({ length: spec.worldSize }, (_, rank) => {
    const own = Array.from({ length: S }, (_, i) => rank * S + i);
    const score = (c: number) => draws[c]! + (labels.includes(c) ? 1 : 0);
    return own.sort((a, b) => score(b) - score(a)).slice(0, size);
  });
  return chosen
    .flat()
    .filter((c) => c < C)
    .sort((a, b) => a - b);
}

/** Returns loss and gradients in one process that holds all images and the rows of those classes. */
export function wholeLoss(spec: ShardedCase) {
  const { inputs, linear, head, labels } = caseData(spec);
  const { worldSize: W, rowsPerClass: K } = spec;
  const classes = expectedClasses(spec);
  const relabelled = Array.from(labels, (label) => classes.indexOf(label));
  const x = tf.tensor2d(inputs, [W * B, F]);
  const lossOf = (linear: tf.Tensor, head: tf.Tensor) => {
    const rows = tf.gather(tf.reshape(head, [C, K * E]), classes);
    const ofAll = classCosines(tf.matMul(x, linear as tf.Tensor2D), tf.reshape(rows, [-1, E]), K);
    const truth = tf.tensor1d(relabelled, "int32");
    const dataSets = dataSetsOf(spec);
    const weights = dataSets && { [DATA_SET_NAME]: tf.tensor1d(classes.map((label) => dataSets[label]!)) };
    const cosines = cosinesWithinDataSets(weights ?? {}, ofAll, truth);
    return marginLoss(cosines, truth, { ...LOSS, margin: MARGIN });
  };
  const { value, grads } = tf.valueAndGrads(lossOf)([
    tf.tensor2d(linear, [F, E]),
    tf.tensor2d(head, [C * K, E]),
  ]);
  return { loss: value.dataSync()[0]!, linear: grads[0]!.dataSync(), head: grads[1]!.dataSync() };
}
