import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { liveHandles } from "guie/dist/tensorflow/handles";
import { Program } from "guie/dist/tensorflow/program";
import { tf } from "guie/dist/tensorflow/tf";
import { trace } from "guie/dist/tensorflow/trace";

/** Resident memory of this process in MB (Linux). */
function residentMB(): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))![1]) / 1024;
}

test("10,000 runs leave no handle behind and do not grow the process", async () => {
  const before = liveHandles();
  const program = new Program();
  program.variable("sum", { shape: [100] });
  await program.assign("sum", new Float32Array(100));
  const step = program.function(
    "step",
    ({ x }, variables) => {
      const sum = tf.add(variables.read("sum"), x);
      variables.assign("sum", sum);
      return { sum, mean: tf.mean(sum) };
    },
    { x: { shape: [100] } },
  );
  const open = liveHandles();
  const x = new Float32Array(100).fill(1);
  const runMany = async (count: number) => {
    for (let i = 0; i < count; i += 2) {
      await step.run({ x });
      step.runSync({ x });
    }
  };
  await runMany(1000);
  const warmMB = residentMB();
  await runMany(9000);
  // A leak of only the results of each run would be 9000 * 404 bytes = 3.5 MB; one of statuses and pointers less.
  // The handles are counted exactly; this bound is for what is not counted.
  const grownMB = residentMB() - warmMB;
  assert.ok(grownMB < 40, `${grownMB} MB`);
  assert.deepEqual(liveHandles(), open);
  assert.equal((await program.read("sum")).data[0], 10_000);
  program.dispose();
  assert.deepEqual(liveHandles(), before);
});

test("failing runs and failing traces leave no handle behind", async () => {
  const before = liveHandles();
  for (let i = 0; i < 50; i++) {
    const traced = trace(({ x }) => tf.gather(x, tf.tensor1d([9], "int32")), { x: { shape: [2] } });
    await assert.rejects(traced.run({ x: [1, 2] }), /indices\[0\] = 9 is not in \[0, 2\)/);
    assert.throws(() => traced.runSync({ x: [1, 2] }), /is not in \[0, 2\)/);
    traced.dispose();
    assert.throws(() => trace(({ x }) => x.arraySync() as never, { x: { shape: [2] } }));
  }
  assert.deepEqual(liveHandles(), before);
});

test("a hundred programs with 40 MB of variables each do not add up", async () => {
  const start = residentMB();
  for (let i = 0; i < 100; i++) {
    const program = new Program();
    program.variable("w", { shape: [10_000_000] });
    await program.fill("w", (memory) => void memory.fill(1 as never));
    program.dispose();
  }
  const grownMB = residentMB() - start;
  assert.ok(grownMB < 400, `${grownMB} MB of 4000`);
});
