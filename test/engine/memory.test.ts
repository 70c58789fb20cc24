// Tests which values are copied on their way in and out, and the peak memory.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { Graph } from "guie/dist/engine/graph/graph";
import { liveHandles } from "guie/dist/engine/native/handles";
import { HostTensor } from "guie/dist/engine/native/host_tensor";
import { tf } from "guie/dist/engine/native/tf";
import { Program } from "guie/dist/engine/program/program";
import { Session } from "guie/dist/engine/session/session";
import { rawOp } from "guie/dist/engine/tracing/raw_op";
import koffi from "koffi";

/** Returns the address of an array's memory. Equal addresses mean that nothing was copied. */
const addressOf = (array: NodeJS.TypedArray) => koffi.address(array.buffer) + BigInt(array.byteOffset);

test("a HostTensor enters the graph, and a viewed result leaves it, without a copy", async () => {
  const graph = new Graph();
  const x = graph.addNode("Placeholder", [], { attributes: { dtype: "float32", shape: [1000] } }).outputs[0]!;
  const same = graph.addNode("Identity", [x]).outputs[0]!;
  const session = new Session(graph);
  const host = new HostTensor("float32", [1000]);
  const request = { feeds: [[x, host]] as const, fetches: [same] };
  const viewed = await session.withResults(request, ([value]) => addressOf(value!.data as Float32Array));
  assert.equal(viewed, addressOf(host.data));
  const [copied] = await session.run(request);
  assert.notEqual(addressOf(copied!.data as Float32Array), viewed);
  host.dispose();
  session.dispose();
  graph.dispose();
});

test("fill and view pass the variable's own memory", async () => {
  const before = liveHandles();
  const program = new Program();
  program.variable("w", { shape: [1000] });
  let filled = 0n;
  await program.fill("w", (memory) => {
    memory.fill(7 as never);
    filled = addressOf(memory);
  });
  const viewed = await program.view("w", async (memory) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    assert.equal(memory[999], 7);
    return addressOf(memory);
  });
  assert.equal(viewed, filled);
  await assert.rejects(
    program.view("w", () => assert.fail("mine")),
    /^AssertionError.*: mine$/,
  );
  program.dispose();
  assert.deepEqual(liveHandles(), before);
});

test("a viewed value stays the same while the variable is changed in place", async () => {
  const program = new Program();
  program.variable("w", { shape: [3] });
  const change = program.function(
    "change",
    (_, variables) => void rawOp("AssignAddVariableOp", [variables.handle("w"), tf.ones([3])]),
    {},
  );
  await program.assign("w", [1, 2, 3]);
  await program.view("w", async (memory) => {
    await change.run({});
    assert.deepEqual(Array.from(memory as Float32Array), [1, 2, 3]);
  });
  assert.deepEqual((await program.read("w")).data, Float32Array.of(2, 3, 4));
  program.dispose();
});

test("a viewed value stays usable when its program is disposed", async () => {
  const before = liveHandles();
  const program = new Program();
  program.variable("w", { shape: [2] });
  await program.assign("w", [1, 2]);
  const second = await program.view("w", async (memory) => {
    program.dispose();
    await new Promise((resolve) => setTimeout(resolve, 1));
    return memory[1];
  });
  assert.equal(second, 2);
  assert.deepEqual(liveHandles(), before);
});

test("a writer that fails leaves no memory behind, and no variable half written", async () => {
  const before = liveHandles();
  const program = new Program();
  for (const name of ["a", "b"]) program.variable(name, { shape: [2] });
  await program.fillAll(["a", "b"].map((name) => [name, (memory) => void memory.fill(1 as never)]));
  const failing = program.fillAll([
    ["a", (memory) => void memory.fill(2 as never)],
    ["b", () => assert.fail("the disk")],
  ]);
  await assert.rejects(failing, /the disk/);
  assert.deepEqual((await program.read("a")).data, Float32Array.of(1, 1));
  program.dispose();
  assert.deepEqual(liveHandles(), before);
});

const VARIABLES = 5;
const VARIABLE_MB = 80;
const PIECE_MB = 1;

/** Runs in its own process, to measure that process's peak memory (VmHWM of Linux). */
async function fillAndReadInPieces(variables: number, variableMB: number, pieceMB: number): Promise<string> {
  const { readFileSync } = require("node:fs");
  const { Program } = require("guie/dist/engine/program/program");
  const peakMB = () => Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))![1]) / 1024;
  const program = new Program();
  program.variable("first", { shape: [1] });
  await program.assign("first", [0]);
  const startMB = peakMB();
  const piece = new Float32Array((pieceMB * 2 ** 20) / 4);
  const names = Array.from({ length: variables }, (_, i) => `w${i}`);
  for (const name of names) program.variable(name, { shape: [(variableMB * 2 ** 20) / 4] });
  const write = (value: number) => (memory: Float32Array) => {
    piece.fill(value);
    for (let at = 0; at < memory.length; at += piece.length) memory.set(piece, at);
  };
  await program.fillAll(names.map((name, i) => [name, write(i + 1)]));
  const filledMB = peakMB();
  let sum = 0;
  await program.viewAll(names, (name: string, memory: Float32Array) => {
    for (let at = 0; at < memory.length; at += piece.length) {
      piece.set(memory.subarray(at, at + piece.length));
      sum += piece[piece.length - 1]! * (names.indexOf(name) + 1);
    }
  });
  return JSON.stringify({ filledMB: filledMB - startMB, readMB: peakMB() - filledMB, sum });
}

test("400 MB of variables are filled and read in pieces within 400 MB and some pieces", () => {
  const args = [VARIABLES, VARIABLE_MB, PIECE_MB];
  const script = `(${fillAndReadInPieces})(${args}).then(console.log)`;
  const output = execFileSync(process.execPath, ["-e", script], { cwd: __dirname, encoding: "utf8" });
  const { filledMB, readMB, sum } = JSON.parse(output);
  const totalMB = VARIABLES * VARIABLE_MB;
  // half a variable is for TensorFlow's and JavaScript's own needs: no variable may exist twice
  const slackMB = PIECE_MB + VARIABLE_MB / 2;
  assert.ok(filledMB > totalMB * 0.9, `${filledMB} MB: the variables were not really there`);
  assert.ok(filledMB < totalMB + slackMB, `filling took ${filledMB} MB`);
  assert.ok(readMB < slackMB, `reading took ${readMB} MB more`);
  // 1 x 1 + 2 x 2 + ... + 5 x 5: every variable returned its own value under its own name
  assert.equal(sum, (VARIABLE_MB / PIECE_MB) * 55);
});

/** Runs in its own process: measures how much a run with a large input and a viewed result raises the peak. */
async function feedLargeInput(inputMB: number): Promise<string> {
  const { readFileSync } = require("node:fs");
  const { Graph } = require("guie/dist/engine/graph/graph");
  const { HostTensor } = require("guie/dist/engine/native/host_tensor");
  const { Session } = require("guie/dist/engine/session/session");
  const peakMB = () => Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))![1]) / 1024;
  const length = (inputMB * 2 ** 20) / 4;
  const graph = new Graph();
  const [x] = graph.addNode("Placeholder", [], { attributes: { dtype: "float32" } }).outputs;
  const [same] = graph.addNode("Identity", [x]).outputs;
  const session = new Session(graph);
  const lastOf = (value: unknown) =>
    session.withResults({ feeds: [[x, value]], fetches: [same] }, ([result]: [{ data: Float32Array }]) =>
      result.data.at(-1),
    );
  await lastOf({ dtype: "float32", shape: [1], data: Float32Array.of(1) });
  const host = new HostTensor("float32", [length]);
  host.data.fill(2);
  const beforeHost = peakMB();
  const fromHost = await lastOf(host);
  const hostMB = peakMB() - beforeHost;
  const data = new Float32Array(length).fill(3);
  const beforeArray = peakMB();
  const fromArray = await lastOf({ dtype: "float32", shape: [length], data });
  return JSON.stringify({ hostMB, arrayMB: peakMB() - beforeArray, fromHost, fromArray });
}

test("a run copies a typed array once, and neither a HostTensor nor a viewed result", () => {
  const inputMB = 128;
  const script = `(${feedLargeInput})(${inputMB}).then(console.log)`;
  const output = execFileSync(process.execPath, ["-e", script], { cwd: __dirname, encoding: "utf8" });
  const { hostMB, arrayMB, fromHost, fromArray } = JSON.parse(output);
  assert.deepEqual([fromHost, fromArray], [2, 3]);
  assert.ok(hostMB < 0.25 * inputMB, `a HostTensor took ${hostMB} MB more`);
  assert.ok(arrayMB > 0.9 * inputMB && arrayMB < 1.25 * inputMB, `a typed array took ${arrayMB} MB more`);
});
