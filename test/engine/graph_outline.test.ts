// Tests of graphs folded by scope for drawings.
import assert from "node:assert/strict";
import { test } from "node:test";
import { tf } from "guie/dist/engine/native/tf";
import { Program } from "guie/dist/engine/program/program";
import { trace } from "guie/dist/engine/program/traced_function";
import { scope } from "guie/dist/engine/tracing/scope";

/** Function with x + 1, then blocks with nested scopes, then a sum. */
function blocks(count: number) {
  return trace(
    ({ x }) => {
      let y = tf.add(x, 1);
      for (let i = 0; i < count; i++) {
        y = scope(`block${i}`, () => tf.square(scope("inner", () => tf.exp(tf.neg(y)))));
      }
      return tf.sum(y);
    },
    { x: { shape: [2] } },
  );
}

const flowTexts = ({ flows }: { flows: { from: string; to: string; what: string }[] }) =>
  flows.map(({ from, to, what }) => `${from} -> ${to}: ${what}`);

test("scopes deeper than the depth are one box; constants are left out", () => {
  const traced = blocks(2);
  const { boxes } = traced.outline(0);
  assert.deepEqual(boxes, [
    { path: "x", op: "Placeholder", count: 1 },
    { path: "Add", op: "Add", count: 1 },
    { path: "block0/", count: 3 },
    { path: "block1/", count: 3 },
    { path: "Sum", op: "Sum", count: 1 },
    { path: "output", op: "Identity", count: 1 },
  ]);
  assert.deepEqual(flowTexts(traced.outline(0)), [
    "x -> Add: float32[2]",
    "Add -> block0/: float32[2]",
    "block0/ -> block1/: float32[2]",
    "block1/ -> Sum: float32[2]",
    "Sum -> output: float32[]",
  ]);
  const opened = traced.outline(1).boxes.map(({ path }) => path);
  assert.deepEqual(opened.slice(2, 4), ["block0/inner/", "block0/Square"]);
  assert.equal(traced.outline(2).boxes.length, 2 + 2 * 3 + 2);
  traced.dispose();
});

test("by default, a drawing opens as many levels as stay within 48 boxes", () => {
  // 4 boxes outside of the blocks; each block has 3 boxes open, 2 half open, 1 folded
  for (const [count, expected] of [
    [14, 4 + 14 * 3],
    [15, 4 + 15 * 2],
    [40, 4 + 40],
    [60, 4 + 60],
  ] as const) {
    const traced = blocks(count);
    assert.equal(traced.outline().boxes.length, expected);
    traced.dispose();
  }
});

test("a function's own scope is not shown; several tensors between two boxes are counted", () => {
  const program = new Program();
  program.variable("w", { shape: [2] });
  const body = ({ x }: { x: tf.Tensor }) => {
    const [a, b] = scope("pair", () => [tf.neg(x), tf.exp(x)] as const);
    return scope("sum", () => tf.add(a, b));
  };
  const traced = program.function("step", body, { x: { shape: [2] } });
  assert.deepEqual(flowTexts(traced.outline(0)), [
    "x -> pair/: float32[2]",
    "pair/ -> sum/: 2 tensors",
    "sum/ -> output: float32[2]",
  ]);
  program.dispose();
});
