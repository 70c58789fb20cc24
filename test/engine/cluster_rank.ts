// One process of cluster.test.ts: runs every collective with the others and prints the results as JSON.
// Rank r's tensor is x = [r + 1, 10 (r + 1)].

import { tf } from "guie/dist/engine/native/tf";
import { Program } from "guie/dist/engine/program/program";
import { type ClusterSpec, startServer } from "guie/dist/engine/session/cluster";
import { castTo } from "guie/dist/engine/tracing/cast";
import { allGather, allReduce, broadcast, meanOverRanks } from "guie/dist/engine/tracing/collectives";

async function main(): Promise<void> {
  const spec = JSON.parse(process.argv[2]!) as ClusterSpec;
  const cluster = startServer(spec);
  const program = new Program(cluster.sessionOptions);
  const x = Float32Array.of(spec.rank + 1, 10 * (spec.rank + 1));
  const shapes = { x: { shape: [2] } };

  const reduce = program.function(
    "reduce",
    ({ x }) => ({
      sum: allReduce(cluster, x, "sum"),
      mean: allReduce(cluster, x, "mean"),
      max: allReduce(cluster, x, "max"),
      halfSum: castTo(allReduce(cluster, castTo(x, "bfloat16"), "sum"), "float32"),
      gathered: allGather(cluster, tf.reshape(x, [1, 2])),
      chiefs: broadcast(cluster, x),
      // Each process's loss is the sum of (rank + 1) * mean^2
      gradient: tf.grad((x) => tf.sum(tf.mul(tf.square(meanOverRanks(cluster, x)), spec.rank + 1)))(x),
    }),
    shapes,
  );
  program.variable("w", { shape: [2] });
  await program.assign("w", x);
  const share = program.function(
    "share",
    (_, variables) => variables.assign("w", broadcast(cluster, variables.read("w"))),
    {},
  );
  await share.run({});

  const rounds = [];
  for (let round = 0; round < 3; round++) {
    const values = await reduce.run({ x });
    rounds.push(
      Object.fromEntries(
        Object.entries(values).map(([name, { data }]) => [name, [...(data as Float32Array)]]),
      ),
    );
  }
  const w = [...((await program.read("w")).data as Float32Array)];
  process.stdout.write(JSON.stringify({ rounds, w, devices: devicesOf(await reduce.profile({ x })) }));
}

const devicesOf = (times: readonly { device: string }[]) => [...new Set(times.map(({ device }) => device))];

// A server cannot be stopped, so the process must exit.
void main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
