// Tests of the errors for code that cannot be traced.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { liveHandles } from "guie/dist/engine/native/handles";
import { tf } from "guie/dist/engine/native/tf";
import { trace } from "guie/dist/engine/program/traced_function";
import { rawOp } from "guie/dist/engine/tracing/raw_op";

// Every test checks that tfjs and TensorFlow's handles are unchanged afterwards.
let before: unknown;
const state = () => ({ memory: tf.memory(), backend: tf.getBackend(), handles: liveHandles() });
beforeEach(() => {
  before = state();
});
afterEach(() => assert.deepEqual(state(), before));

const outside = () => tf.tensor1d([1, 2, 3]);
const MISTAKES: [what: string, body: (x: tf.Tensor) => unknown, message: RegExp][] = [
  ["arraySync", (x) => x.arraySync(), /tensor\.arraySync\(\) was called while tracing: the value of x/],
  [
    "dataSync",
    (x) => tf.add(x, 1).dataSync(),
    /tensor\.dataSync\(\) was called while tracing: the value of Add is known/,
  ],
  ["print", (x) => x.print(), /tensor\.print\(\) was called/],
  ["data", (x) => void x.data(), /tensor\.data\(\) was called/],
  ["whereAsync", (x) => void tf.whereAsync(tf.greater(x, 1)), /tf\.whereAsync\(\) was called/],
  ["a data-dependent shape", (x) => tf.unique(x).values, /tf\.unique gives float32\[\?\]: the shape/],
  [
    "a raw result of unknown shape in a tfjs function",
    (x) => tf.add(rawOp("Where", [tf.greater(x, 1)])[0]!, 1),
    /tf\.add got int64\[\?,1\]: its shape depends on the data/,
  ],
  ["a promise", async (x) => x, /asynchronous function cannot be traced/],
  ["a number", () => 3, /returns tensors, or lists and records of them; this one is 3/],
  ["a number among tensors", (x) => ({ x, loss: { rate: 0.1 } }), /loss\/rate is 0\.1/],
  ["random numbers", (x) => tf.dropout(x, 0.5), /tf\.dropout draws its numbers while tracing/],
  ["tf.keep", (x) => tf.keep(tf.add(x, 1)) && x, /holds on to 1 tensors beyond its end/],
  ["tf.variable", (x) => tf.variable(x), /tf\.Variables were made or assigned while tracing/],
  ["its own error", () => assert.fail("mine"), /^mine$/],
  ["an error within a gradient", (x) => tf.grad(() => assert.fail("mine"))(x), /^mine$/],
  ["a shape that does not match", (x) => tf.matMul(x as tf.Tensor2D, tf.ones([2, 3])), /matMul|MatMul/],
  [
    "a trace in a trace",
    () => trace(({ y }) => y, { y: { shape: [] } }),
    /begun inside of a traced function/,
  ],
];

for (const [what, body, message] of MISTAKES) {
  test(`cannot be traced: ${what}`, () => {
    assert.throws(() => trace(({ x }) => body(x) as tf.Tensor, { x: { shape: [3] } }), { message });
  });
}

test("cannot be traced: a tensor from outside, which stays valid", () => {
  const eager = outside();
  assert.throws(
    () => trace(({ x }) => tf.mul(x, eager), { x: { shape: [3] } }),
    /tf\.mul got a tensor float32\[3\] that was made outside of the traced function/,
  );
  assert.deepEqual(Array.from(eager.dataSync()), [1, 2, 3]);
  eager.dispose();
});

test("a tf.Variable that is assigned while tracing keeps its value", () => {
  const variable = tf.tidy(() => tf.variable(outside(), true, "kept"));
  assert.throws(
    () => trace(({ x }) => variable.assign(x as tf.Tensor1D), { x: { shape: [3] } }),
    /made or assigned while tracing: kept/,
  );
  assert.deepEqual(Array.from(variable.dataSync()), [1, 2, 3]);
  variable.dispose();
});
