// Tests that runs, traces, errors and programs leave no native memory behind.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Graph } from "guie/dist/engine/graph/graph";
import { liveHandles } from "guie/dist/engine/native/handles";
import { HostTensor } from "guie/dist/engine/native/host_tensor";
import { tf } from "guie/dist/engine/native/tf";
import { Program } from "guie/dist/engine/program/program";
import { trace } from "guie/dist/engine/program/traced_function";
import { Session } from "guie/dist/engine/session/session";

/** Returns the resident memory of this process in MB (Linux). */
function residentMB(): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))![1]) / 1024;
}

/** Values of a vector of 10 kB. */
const LENGTH = 2560;

test("10,000 runs leave no handle behind and do not grow the process", async () => {
  const before = liveHandles();
  const program = new Program();
  program.variable("sum", { shape: [LENGTH] });
  await program.assign("sum", new Float32Array(LENGTH));
  const step = program.function(
    "step",
    ({ x }, variables) => {
      const sum = tf.add(variables.read("sum"), x);
      variables.assign("sum", sum);
      return { sum, mean: tf.mean(sum) };
    },
    { x: { shape: [LENGTH] } },
  );
  const open = liveHandles();
  const x = new Float32Array(LENGTH).fill(1);
  const runMany = async (count: number) => {
    for (let i = 0; i < count; i += 2) {
      await step.run({ x });
      step.runSync({ x });
    }
  };
  await runMany(1000);
  const warmMB = residentMB();
  await runMany(9000);
  // A leak of only the input or output vector would be 9000 * 10 kB = 88 MB. Smaller objects, statuses and buffers,
  // are counted exactly below.
  const grownMB = residentMB() - warmMB;
  assert.ok(grownMB < 40, `${grownMB} MB`);
  assert.deepEqual(liveHandles(), open);
  assert.equal((await program.read("sum")).data[0], 10_000);
  program.dispose();
  assert.deepEqual(liveHandles(), before);
});

test("failed runs and traces leave no handle behind", async () => {
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

test("objects declared with `using` are freed at the end of their block, also on an error", async () => {
  const before = liveHandles();
  const work = async (fails: boolean) => {
    using program = new Program();
    program.variable("w", { shape: [2] });
    await program.assign("w", [1, 2]);
    using traced = trace(({ x }) => tf.square(x), { x: { shape: [2] } });
    using memory = new HostTensor("float32", [2]);
    memory.data.set([3, 4] as never);
    const { data } = await traced.run({ x: memory });
    if (fails) throw new Error("mine");
    using graph = new Graph();
    using session = new Session(graph);
    assert.deepEqual(await session.run({ targets: [graph.addNode("NoOp")] }), []);
    return Array.from(data as Float32Array);
  };
  assert.deepEqual(await work(false), [9, 16]);
  await assert.rejects(work(true), /mine/);
  assert.deepEqual(liveHandles(), before);
});

test("disposed objects are refused by name, before TensorFlow can touch freed memory", async () => {
  const program = new Program();
  program.variable("w", { shape: [2] });
  const early = program.function("early", ({ x }) => tf.square(x), { x: { shape: [2] } });
  program.dispose();
  program.dispose();
  // no session was opened: the first run would open one on a freed graph
  await assert.rejects(early.run({ x: [1, 2] }), /The graph was disposed/);
  await assert.rejects(program.assign("w", [1, 2]), /The graph was disposed/);
  assert.throws(
    () => program.function("late", ({ x }) => x, { x: { shape: [2] } }),
    /The graph was disposed/,
  );
  assert.throws(() => program.graph.toGraphDef(), /The graph was disposed/);
});
