// Tests of sessions: feeds, fetches, options, threads, profiles and errors.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { Graph, type GraphTensor } from "guie/dist/engine/graph/graph";
import { liveHandles } from "guie/dist/engine/native/handles";
import { HostTensor, type TensorValue } from "guie/dist/engine/native/host_tensor";
import { Session } from "guie/dist/engine/session/session";
import type { SessionOptions } from "guie/dist/engine/session/session_options";

/** Graph of y = x x^T and z = 2 x for x [2, 2]. */
function program(options: SessionOptions = {}) {
  const graph = new Graph();
  const x = graph.addNode("Placeholder", [], { attributes: { dtype: "float32", shape: [2, 2] } }).outputs[0]!;
  const y = graph.addNode("MatMul", [x, x], { attributes: { transpose_b: true } }).outputs[0]!;
  const z = graph.addNode("AddV2", [x, x]).outputs[0]!;
  const session = new Session(graph, options);
  const dispose = () => {
    session.dispose();
    graph.dispose();
  };
  return { graph, session, x, y, z, dispose };
}

function floats(shape: number[], ...values: number[]): TensorValue {
  return { dtype: "float32", shape, data: Float32Array.from(values) };
}

test("several fetches in one run, synchronous and asynchronous", async () => {
  const { session, x, y, z, dispose } = program();
  const request = { feeds: [[x, floats([2, 2], 1, 2, 3, 4)]] as const, fetches: [y, z] };
  const expected = [floats([2, 2], 5, 11, 11, 25), floats([2, 2], 2, 4, 6, 8)];
  assert.deepEqual(await session.run(request), expected);
  assert.deepEqual(session.runSync(request), expected);
  dispose();
});

test("a HostTensor is fed from its own memory and can be filled again", () => {
  const { session, x, z, dispose } = program();
  const host = new HostTensor("float32", [2, 2]);
  for (const value of [1, 7]) {
    (host.data as Float32Array).fill(value);
    assert.deepEqual(session.runSync({ feeds: [[x, host]], fetches: [z] })[0]?.data[3], 2 * value);
  }
  host.dispose();
  assert.throws(() => host.data, /disposed/);
  assert.throws(() => session.runSync({ feeds: [[x, host]], fetches: [z] }), /disposed/);
  dispose();
});

test("a HostTensor that is disposed during a run lives until the run is over", async () => {
  const before = liveHandles();
  const { session, x, z, dispose } = program();
  const host = new HostTensor("float32", [2, 2]);
  host.data.fill(3 as never);
  const pending = session.run({ feeds: [[x, host]], fetches: [z] });
  host.dispose();
  assert.equal(liveHandles().tensor, before.tensor + 1);
  assert.deepEqual(await pending, [floats([2, 2], 6, 6, 6, 6)]);
  dispose();
  assert.deepEqual(liveHandles(), before);
});

test("values of every dtype come back unchanged", () => {
  const graph = new Graph();
  const session = new Session(graph);
  const values: TensorValue[] = [
    { dtype: "float64", shape: [2], data: Float64Array.of(1e-300, -0) },
    { dtype: "int64", shape: [2], data: BigInt64Array.of(-1n, 2n ** 62n) },
    { dtype: "uint8", shape: [1, 3], data: Uint8Array.of(0, 1, 255) },
    { dtype: "bool", shape: [], data: Uint8Array.of(1) },
    { dtype: "bfloat16", shape: [2], data: Uint16Array.of(0x3f80, 0xc000) },
    { dtype: "complex64", shape: [2], data: Float32Array.of(1, 2, 3, 4) },
    {
      dtype: "string",
      shape: [3],
      data: ["", "short", "ü".repeat(500)].map((s) => new TextEncoder().encode(s)),
    },
    { dtype: "float32", shape: [0, 4], data: new Float32Array(0) },
  ];
  for (const value of values) {
    const input = graph.addNode("Placeholder", [], { attributes: { dtype: value.dtype } }).outputs[0]!;
    const output = graph.addNode("Identity", [input]).outputs[0]!;
    assert.deepEqual(session.runSync({ feeds: [[input, value]], fetches: [output] }), [value]);
  }
  session.dispose();
  graph.dispose();
});

test("values that do not match their shape or dtype are refused before TensorFlow sees them", async () => {
  const { session, x, z, dispose } = program();
  const feed = (value: TensorValue) => session.run({ feeds: [[x, value]], fetches: [z] });
  await assert.rejects(feed(floats([2, 2], 1, 2, 3)), /float32\[2,2\]: 4 values in a Float32Array; got 3/);
  await assert.rejects(
    feed({ dtype: "float32", shape: [2], data: new Float64Array(2) }),
    /2 values in a Float32Array; got 2 in a Float64Array/,
  );
  dispose();
});

test("a session with its own threads computes the same", () => {
  const threads = () => readdirSync("/proc/self/task").length;
  const before = threads();
  const { session, x, y, dispose } = program({ interOpThreads: 7, intraOpThreads: 3 });
  assert.equal(threads(), before + 7 + 3);
  const feeds = [[x, floats([2, 2], 1, 2, 3, 4)]] as const;
  assert.deepEqual(session.runSync({ feeds, fetches: [y] }), [floats([2, 2], 5, 11, 11, 25)]);
  dispose();
});

test("XLA compiles the graph, which computes the same", async () => {
  const { graph, session, x, dispose } = program({ xla: true });
  // x + 10 x by single additions: XLA skips groups of fewer than four operations
  let y = x;
  for (let i = 0; i < 10; i++) y = graph.addNode("AddV2", [y, x]).outputs[0]!;
  const request = { feeds: [[x, floats([2, 2], 1, 2, 3, 4)]] as const, fetches: [y] };
  assert.deepEqual(await session.run(request), [floats([2, 2], 11, 22, 33, 44)]);
  const nodes = (await session.profile(request)).map(({ node }) => node);
  assert.ok(nodes.filter((node) => node.includes("xla_run")).length === 1, `${nodes}`);
  assert.ok(!nodes.some((node) => node.startsWith("AddV2")), `${nodes}`);
  dispose();
});

test("options of the whole process are only compared, not set; other options are checked", () => {
  program({ gpuMemoryGrowth: true }).dispose();
  const before = liveHandles();
  const refused: [SessionOptions, RegExp][] = [
    [{ gpuMemoryGrowth: false }, /this process was started with true[\s\S]*TF_FORCE_GPU_ALLOW_GROWTH=false/],
    [{ interOpThreads: 0 }, /interOpThreads is 0/],
    [{ intraOpThreads: 1.5 }, /intraOpThreads is 1.5/],
  ];
  for (const [options, message] of refused) {
    const graph = new Graph();
    assert.throws(() => new Session(graph, options), message);
    graph.dispose();
  }
  assert.deepEqual(liveHandles(), before);
});

test("each session has its own threads within operations: the requested number or the process's default", () => {
  const script = `const { readdirSync } = require("node:fs");
    const { Session } = require("guie/dist/engine/session/session");
    const { Graph } = require("guie/dist/engine/graph/graph");
    const threads = () => readdirSync("/proc/self/task").length;
    const added = (options) => {
      const before = threads();
      new Session(new Graph(), options);
      return threads() - before;
    };
    added({});
    console.log([{}, { intraOpThreads: 7 }, { intraOpThreads: 1 }].map(added).join());`;
  const env = { ...process.env, TF_NUM_INTRAOP_THREADS: "19" };
  const output = execFileSync(process.execPath, ["-e", script], { cwd: __dirname, env, encoding: "utf8" });
  assert.equal(output.trim(), "19,7,1");
});

test("a profile names the nodes that ran", async () => {
  const { session, x, y, z, dispose } = program();
  const times = await session.profile({ feeds: [[x, floats([2, 2], 1, 2, 3, 4)]], fetches: [y, z] });
  const nodes = times.map(({ node }) => node);
  for (const { name } of [y.node, z.node])
    assert.ok(
      nodes.some((node) => node.includes(name)),
      `${nodes}`,
    );
  for (const { startMicros, micros } of times) assert.ok(startMicros >= 0 && micros >= 0);
  dispose();
});

test("the error of a failed run names the node", async () => {
  const { graph, session, x, dispose } = program();
  const checked = graph.addNode("CheckNumerics", [x], {
    name: "loss/check",
    attributes: { message: "the loss" },
  }).outputs[0]!;
  const feeds: [GraphTensor, TensorValue][] = [[x, floats([2, 2], 1, 2, 3, Number.NaN)]];
  await assert.rejects(
    session.run({ feeds, fetches: [checked] }),
    /the loss : Tensor had NaN[\s\S]*loss\/check/,
  );
  dispose();
});

test("the main thread goes on while a graph runs", async () => {
  const graph = new Graph();
  const x = graph.addNode("Placeholder", [], { attributes: { dtype: "float32" } }).outputs[0]!;
  let y = x;
  for (let i = 0; i < 60; i++) y = graph.addNode("MatMul", [y, x]).outputs[0]!;
  const session = new Session(graph);
  const zeros: TensorValue = { dtype: "float32", shape: [700, 700], data: new Float32Array(700 * 700) };
  let ticks = 0;
  const timer = setInterval(() => ticks++, 10);
  try {
    await session.run({ feeds: [[x, zeros]], fetches: [y] });
  } finally {
    clearInterval(timer);
  }
  // 41 GFLOP: if the main thread waited for them, it would count no tick
  assert.ok(ticks >= 3, `${ticks} ticks`);
  session.dispose();
  graph.dispose();
});

test("a session that is disposed during a run finishes it; later runs are refused", async () => {
  const handlesBefore = liveHandles();
  const { graph, session, x, y, dispose } = program();
  const pending = session.run({ feeds: [[x, floats([2, 2], 1, 0, 0, 1)]], fetches: [y] });
  session.dispose();
  assert.deepEqual(await pending, [floats([2, 2], 1, 0, 0, 1)]);
  await assert.rejects(session.run({ fetches: [y] }), /disposed/);
  dispose();
  graph.dispose();
  assert.deepEqual(liveHandles(), handlesBefore);
});

test("variables live in their session", () => {
  const graph = new Graph();
  const handle = graph.addNode("VarHandleOp", [], {
    attributes: { dtype: "float32", shape: [2], shared_name: "w" },
  }).outputs[0]!;
  const value = graph.addNode("Placeholder", [], { attributes: { dtype: "float32", shape: [2] } })
    .outputs[0]!;
  const assign = graph.addNode("AssignVariableOp", [handle, value]);
  const read = graph.addNode("ReadVariableOp", [handle], { attributes: { dtype: "float32" } }).outputs[0]!;
  const [first, second] = [new Session(graph), new Session(graph)];
  first.runSync({ feeds: [[value, floats([2], 1, 2)]], targets: [assign] });
  assert.deepEqual(first.runSync({ fetches: [read] }), [floats([2], 1, 2)]);
  assert.throws(() => second.runSync({ fetches: [read] }), /FAILED_PRECONDITION|uninitialized|NOT_FOUND/i);
  first.dispose();
  second.dispose();
  graph.dispose();
});
