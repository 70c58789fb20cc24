// Our side of `npm run bench allreduce`: one rank. Averages gradients in buckets in a traced function, from variables
// into variables, as in a training step.
import assert from "node:assert/strict";
import { Program } from "guie/dist/engine/program/program.js";
import { startServer } from "guie/dist/engine/session/cluster.js";
import { meanGradients } from "guie/dist/training/ranks/gradient_buckets.js";
import { serve } from "../shared/contestant.mjs";

const { sizes, repeats, bucketMB, gradientDtype } = JSON.parse(process.argv[2]);
const rank = Number(process.env.RANK);
const addresses = process.env.ADDRESSES.split(",");
const cluster = startServer({ addresses, rank });
const program = new Program(cluster.sessionOptions);
const names = sizes.map((_, i) => `gradient${i}`);

/** Rank r fills gradient i with (r + 1) (i + 1); the mean over all ranks replaces `mean.*`. */
for (const [i, size] of sizes.entries()) {
  for (const name of [names[i], `mean.${names[i]}`]) program.variable(name, { shape: [size] });
  await program.assign(names[i], new Float32Array(size).fill((rank + 1) * (i + 1)));
  await program.assign(`mean.${names[i]}`, new Float32Array(size));
}
const reduce = program.function(
  "reduce",
  (_, variables) => {
    const gradients = new Map(names.map((name) => [name, variables.read(name)]));
    const means = meanGradients(cluster, { bucketMB, gradientDtype }, gradients);
    for (const [name, mean] of means) variables.assign(`mean.${name}`, mean);
  },
  {},
);
const iterate = async () => {
  for (let i = 0; i < repeats; i++) await reduce.run({});
};
await iterate();
const expected = (addresses.length + 1) / 2;
await program.viewAll(
  names.map((name) => `mean.${name}`),
  (name, memory) => {
    const i = names.indexOf(name.slice("mean.".length));
    assert.ok(
      memory.every((value) => value === Math.fround(expected * (i + 1))),
      `${name}: ${memory[0]} in place of ${expected * (i + 1)}`,
    );
  },
);
if (rank === 0) await serve(iterate);
else for (;;) await iterate(); // ended by the launcher
process.kill(process.ppid, "SIGTERM");
