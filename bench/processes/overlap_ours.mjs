// One rank of `npm run bench allreduce step`: times a training step with communication, one without it, and the
// communication alone. All ranks take the same turns, and wait for each other before each.

import { randomStream } from "guie/dist/common/random.js";
import { vit224 } from "guie/dist/config/presets.js";
import { tf } from "guie/dist/engine/native/tf.js";
import { Program } from "guie/dist/engine/program/program.js";
import { startServer } from "guie/dist/engine/session/cluster.js";
import { towerFeatures } from "guie/dist/model/embedding_model.js";
import { findTower } from "guie/dist/model/towers.js";
import { fillProgram } from "guie/dist/model/weight_source.js";
import { meanGradients } from "guie/dist/training/ranks/gradient_buckets.js";
import { Ranks } from "guie/dist/training/ranks/ranks.js";
import { declareOptimizer } from "guie/dist/training/step/optimizer_state.js";
import { groupRates } from "guie/dist/training/step/rate_groups.js";
import { traceStep } from "guie/dist/training/step/step.js";
import { serve } from "../shared/contestant.mjs";
import { freshModel } from "../shared/fresh_model.mjs";
import { median } from "../shared/numbers.mjs";

const CLASSES = 1000;
/** Learning rate of every group. */
const RATE = 1e-5;
const { base, imageSizePx, batch, bucketMB, gradientDtype } = JSON.parse(process.argv[2]);
const rank = Number(process.env.RANK);
const cluster = startServer({ addresses: process.env.ADDRESSES.split(","), rank });
const config = { ...vit224(), bucketMB, gradientDtype };
const ranks = new Ranks(cluster, config);
const tower = findTower(base);
const featureCount = tower.width;
const random = randomStream(1, "bench");
const weights = freshModel(tower, config, { imageSizePx, featureCount, classes: CLASSES }, random);
const { shapes } = weights;
const program = new Program(cluster.sessionOptions);
await fillProgram(program, weights);
await declareOptimizer(program, shapes, config);
const inputShape = [batch, imageSizePx, imageSizePx, 3];
const parts = { config, shapes, features: towerFeatures(tower, config), inputShape, featureCount };
const together = traceStep(program, { ...parts, ranks: ranks.step });
const apart = traceStep(program, parts);
const reduce = program.function(
  "reduce",
  (_, variables) => {
    const gradients = new Map([...shapes.keys()].map((name) => [name, variables.read(name)]));
    const means = meanGradients(cluster, config, gradients);
    return tf.addN([...means.values()].map((mean) => mean.flatten().slice(0, 1)));
  },
  {},
);

const fed = {
  inputs: Float32Array.from({ length: batch * imageSizePx ** 2 * 3 }, () => random.normal()),
  labels: Int32Array.from({ length: batch }, (_, i) => i),
  keep: new Float32Array(batch * featureCount).fill(1),
  margin: 0.3,
  rates: groupRates(apart.groups, 1, { head: RATE, backbone: RATE }, config),
};
const TURNS = {
  with: () => together.run(fed),
  without: () => apart.run(fed),
  alone: () => reduce.run({}),
};
const seconds = Object.fromEntries(Object.keys(TURNS).map((name) => [name, []]));
async function iterate() {
  for (const [name, turn] of Object.entries(TURNS)) {
    await ranks.gatherNumbers([0]);
    const startedAt = performance.now();
    await turn();
    await ranks.gatherNumbers([0]);
    seconds[name].push((performance.now() - startedAt) / 1000);
  }
}
const MB =
  [...shapes.values()].reduce((sum, shape) => sum + shape.reduce((product, n) => product * n, 4), 0) / 1e6;

await iterate(); // tracing and warm-up
for (const times of Object.values(seconds)) times.length = 0;
const finish = () => ({
  MB,
  ...Object.fromEntries(Object.entries(seconds).map(([name, times]) => [name, median(times)])),
});
if (rank === 0) await serve(iterate, finish);
else for (;;) await iterate(); // ended by the launcher
process.kill(process.ppid, "SIGTERM");
