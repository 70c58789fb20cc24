// One process of pair_loss.test.ts, with its images; prints the loss and the averaged gradient as JSON.

import type { PairLossSettings } from "guie/dist/config/loss";
import { floatsOf } from "guie/dist/engine/native/dtypes";
import { tf } from "guie/dist/engine/native/tf";
import { Program } from "guie/dist/engine/program/program";
import { type ClusterSpec, startServer } from "guie/dist/engine/session/cluster";
import { allReduce } from "guie/dist/engine/tracing/collectives";
import { l2Normalize } from "guie/dist/model/arcface";
import { pairLoss } from "guie/dist/model/pair_loss";
import { stepRanks } from "guie/dist/training/ranks/ranks";
import { B, E, F, PAIRS, settingsOf } from "./pair_case";

async function main(): Promise<void> {
  const { addresses, rank, ...spec } = JSON.parse(process.argv[2]!) as ClusterSpec &
    Pick<PairLossSettings, "pairLoss">;
  const cluster = startServer({ addresses, rank });
  const ranks = stepRanks(cluster, { bucketMB: 1, gradientDtype: "float32", shardHead: false });
  const program = new Program(cluster.sessionOptions);
  const step = program.function(
    "step",
    ({ inputs, labels, linear }) => {
      const lossOf = (layer: tf.Tensor) => {
        const units = l2Normalize(tf.matMul<tf.Tensor2D>(inputs as tf.Tensor2D, layer as tf.Tensor2D));
        const all = ranks.gatherLabels(labels as tf.Tensor1D);
        return pairLoss(ranks.gather(units), all, settingsOf(spec.pairLoss));
      };
      const { value, grad } = tf.valueAndGrad(lossOf)(linear!);
      return { loss: value, linear: allReduce(cluster, grad, "mean") };
    },
    {
      inputs: { shape: [B, F] },
      labels: { shape: [B], dtype: "int32" as const },
      linear: { shape: [F, E] },
    },
  );
  const { loss, linear } = await step.run({
    inputs: PAIRS.inputs.subarray(rank * B * F, (rank + 1) * B * F),
    labels: PAIRS.labels.subarray(rank * B, (rank + 1) * B),
    linear: PAIRS.linear,
  });
  process.stdout.write(JSON.stringify({ loss: floatsOf(loss)[0], linear: [...floatsOf(linear)] }));
}

// TensorFlow's server cannot be stopped: it ends with the process.
void main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
