// One process of sharded_head.test.ts, with its shard of the head and its images; prints loss and gradients as JSON.

import { tf } from "guie/dist/engine/native/tf";
import { Program } from "guie/dist/engine/program/program";
import { type ClusterSpec, startServer } from "guie/dist/engine/session/cluster";
import { allGather, allReduce } from "guie/dist/engine/tracing/collectives";
import { sampleSize, shardedMarginLoss, shardSize } from "guie/dist/model/sharded_head";
import { B, C, caseData, dataSetsOf, E, F, LOSS, MARGIN, type ShardedCase } from "./sharded_case";

async function main(): Promise<void> {
  const { addresses, rank, ...spec } = JSON.parse(process.argv[2]!) as ClusterSpec & ShardedCase;
  const cluster = startServer({ addresses, rank });
  const { worldSize: W, rowsPerClass: K, share } = spec;
  const S = shardSize(C, W);
  const data = caseData(spec);
  const rows = new Float32Array(S * K * E);
  rows.set(data.head.subarray(rank * S * K * E, (rank + 1) * S * K * E));
  const dataSets = dataSetsOf(spec);
  const options = { ...LOSS, classCount: C, rowsPerClass: K };
  const specs = {
    inputs: { shape: [B, F] },
    labels: { shape: [B], dtype: "int32" as const },
    draws: { shape: [S] },
    linear: { shape: [F, E] },
    rows: { shape: [S * K, E] },
  };
  const program = new Program(cluster.sessionOptions);
  const step = program.function(
    "step",
    ({ inputs, labels, draws, linear, rows }) => {
      const all = allGather(cluster, labels) as tf.Tensor1D;
      const sample = { draws: draws as tf.Tensor1D, size: sampleSize(share, S, W * B) };
      const lossOf = (linear: tf.Tensor, rows: tf.Tensor) =>
        shardedMarginLoss(
          cluster,
          {
            embeddings: tf.matMul(inputs as tf.Tensor2D, linear as tf.Tensor2D),
            rows: rows as tf.Tensor2D,
            labels: all,
            margin: tf.scalar(MARGIN),
            dataSets: dataSets && tf.tensor1d(dataSets),
            ...(share < 1 ? { sample } : {}),
          },
          options,
        );
      const { value, grads } = tf.valueAndGrads(lossOf)([linear, rows]);
      return { loss: value, linear: allReduce(cluster, grads[0]!, "mean"), rows: grads[1]! };
    },
    specs,
  );
  const mine = <T extends Float32Array | Int32Array>(all: T, count: number) =>
    all.subarray(rank * count, (rank + 1) * count) as T;
  const result = await step.run({
    inputs: mine(data.inputs, B * F),
    labels: mine(data.labels, B),
    draws: mine(data.draws, S),
    linear: data.linear,
    rows,
  });
  const lists = Object.entries(result).map(([name, { data }]) => [name, [...(data as Float32Array)]]);
  process.stdout.write(JSON.stringify(Object.fromEntries(lists)));
}

// TensorFlow's server cannot be stopped: it ends with the process.
void main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
