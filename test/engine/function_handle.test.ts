// Tests of handles: other threads call a traced function by its addresses only.
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { installPath } from "guie/dist/common/project";
import { liveHandles } from "guie/dist/engine/native/handles";
import { tf } from "guie/dist/engine/native/tf";
import { callHandle, functionHandle } from "guie/dist/engine/program/function_handle";
import { Program } from "guie/dist/engine/program/program";

function squares() {
  const program = new Program({ cpuOnly: true, onCallersThread: true });
  const square = program.function("square", ({ x }) => ({ y: tf.square(x) }), { x: { shape: [3] } });
  return { program, square };
}

/** Code of a worker that calls the handle many times with its own numbers and posts the last result. */
const WORKER = `
  const { parentPort, workerData } = require("node:worker_threads");
  const { callHandle } = require("guie/dist/engine/program/function_handle");
  const call = () => callHandle(workerData.handle, { x: workerData.x }, ([y]) => [...y.data]);
  for (let i = 0; i < 500; i++) call();
  parentPort.postMessage({ y: call(), hasTfjs: Object.keys(require.cache).some((path) => path.includes("tfjs")) });`;

test("two threads that run at once get their own results, without tfjs", async () => {
  const { program, square } = squares();
  const handle = functionHandle(square);
  process.chdir(installPath("."));
  const answers = [Float32Array.of(1, 2, 3), Float32Array.of(-4, 5, 0.5)].map((x) =>
    once(new Worker(WORKER, { eval: true, workerData: { handle, x } }), "message"),
  );
  const [[first], [second]] = await Promise.all(answers as [Promise<unknown[]>, Promise<unknown[]>]);
  assert.deepEqual(first, { y: [1, 4, 9], hasTfjs: false });
  assert.deepEqual(second, { y: [16, 25, 0.25], hasTfjs: false });
  program.dispose();
});

test("the calling thread frees its memory, also if a value does not match or `use` throws", () => {
  const { program, square } = squares();
  const handle = functionHandle(square);
  const before = liveHandles();
  assert.deepEqual(
    callHandle(handle, { x: [1, 2, 3] }, ([y]) => [...(y!.data as Float32Array)]),
    [1, 4, 9],
  );
  assert.throws(() => callHandle(handle, { x: [1, 2] }, () => 0), /The input "x" of square is float32\[3\]/);
  const fail = () => {
    throw new Error("not used");
  };
  assert.throws(() => callHandle(handle, { x: [1, 2, 3] }, fail), /not used/);
  assert.deepEqual(liveHandles(), before);
  program.dispose();
});

test("a function with variables has no handle", () => {
  const program = new Program();
  program.variable("w", { shape: [1] });
  const f = program.function("f", ({ x }, variables) => tf.add(x, variables.read("w")), {
    x: { shape: [1] },
  });
  assert.throws(() => functionHandle(f), /f uses variables/);
  program.dispose();
});
