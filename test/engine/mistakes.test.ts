// Tests of the errors for mistakes of the user; code that cannot be traced at all is in untraceable.test.ts.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { liveHandles } from "guie/dist/engine/native/handles";
import { tf } from "guie/dist/engine/native/tf";
import { Program } from "guie/dist/engine/program/program";
import { trace } from "guie/dist/engine/program/traced_function";
import type { TracedVariables } from "guie/dist/engine/program/traced_variables";
import { rawOp } from "guie/dist/engine/tracing/raw_op";

// Every test checks that tfjs and TensorFlow's handles are unchanged afterwards.
let before: unknown;
const state = () => ({ memory: tf.memory(), backend: tf.getBackend(), handles: liveHandles() });
beforeEach(() => {
  before = state();
});
afterEach(() => assert.deepEqual(state(), before));

const INPUT = { x: { shape: [3] } };

/** Returns a tensor of a trace that is over. */
function symbolic(): tf.Tensor {
  let kept: tf.Tensor | undefined;
  trace(({ x }) => {
    kept = tf.square(x);
    return kept;
  }, INPUT).dispose();
  return kept!;
}

const OVER =
  /got a tensor float32\[3\] of a traced function whose trace is over: it has no value[\s\S]*run\(\)/;

test("a symbolic tensor outside of its trace: in eager mode, in rawOp, in another trace", () => {
  const kept = symbolic();
  assert.throws(() => tf.add(kept, 1), { message: new RegExp(`^tf\\.add ${OVER.source}`) });
  assert.throws(() => kept.neg(), OVER);
  assert.throws(() => rawOp("Square", [kept]), OVER);
  assert.throws(() => trace(({ x }) => tf.mul(x, kept), INPUT), {
    message: new RegExp(`^tf\\.mul ${OVER.source}`),
  });
  assert.throws(() => trace(() => kept, INPUT), {
    message: new RegExp(`^The traced function's result ${OVER.source}`),
  });
  assert.throws(() => kept.dataSync(), { message: new RegExp(`^A method ${OVER.source}`) });
  assert.throws(() => kept.print(), OVER);
  kept.dispose();
  const disposed = tf.tensor1d([1]);
  disposed.dispose();
  assert.throws(() => disposed.dataSync(), /^Error: Tensor is disposed\.$/);
});

test("a tensor of another tfjs backend: in a tfjs function, in rawOp and as the result", () => {
  void tf.setBackend("cpu");
  const onCpu = tf.tensor1d([1, 2, 3]);
  void tf.setBackend("tensorflow");
  const OUTSIDE = /float32\[3\] that was made outside of the traced function[\s\S]*input[\s\S]*variable/;
  assert.throws(() => trace(({ x }) => tf.mul(x, onCpu), INPUT), {
    message: new RegExp(`^tf\\.mul got a tensor ${OUTSIDE.source}`),
  });
  assert.throws(() => trace(({ x }) => rawOp("AddV2", [x, onCpu])[0]!, INPUT), {
    message: new RegExp(`^AddV2 got a tensor ${OUTSIDE.source}`),
  });
  assert.throws(() => trace(() => ({ y: onCpu }), INPUT), {
    message: new RegExp(`^The traced function's result y got a tensor ${OUTSIDE.source}`),
  });
  assert.deepEqual(Array.from(onCpu.dataSync()), [1, 2, 3]);
  onCpu.dispose();
});

test("a tensor that tf.tidy has disposed within the trace", () => {
  const body = ({ x }: { x: tf.Tensor }) => {
    let lost: tf.Tensor | undefined;
    tf.tidy(() => {
      lost = tf.neg(x);
    });
    return tf.exp(lost!);
  };
  assert.throws(() => trace(body, INPUT), /^UserError: tf\.exp got a tensor that is disposed[\s\S]*tf\.tidy/);
});

test("a program's variables after their trace", () => {
  const program = new Program();
  program.variable("w", { shape: [2] });
  let kept: TracedVariables | undefined;
  program.function(
    "keep",
    (_, variables) => {
      kept = variables;
      return variables.read("w");
    },
    {},
  );
  const nodes = program.graph.nodes.length;
  const uses = [
    () => kept!.read("w"),
    () => kept!.handle("w"),
    () => tf.tidy(() => kept!.assign("w", tf.zeros([2]))),
    () => program.function("other", () => kept!.read("w"), {}),
  ];
  for (const use of uses) {
    assert.throws(use, /variables of a traced function were used after its trace[\s\S]*program\.read/);
  }
  assert.equal(program.graph.nodes.length, nodes);
  program.dispose();
});

test("TensorFlow's errors while tracing name the tfjs function", () => {
  assert.throws(
    () => trace(({ x }) => tf.add(x, tf.zeros([4])), INPUT),
    /^EngineError: tf\.add: adding Add Add \(float32\[3\], float32\[4\]\): Dimensions must be equal/,
  );
});

test("a kernel that neither tfjs-node nor the tracer has", () => {
  const body = ({ x }: { x: tf.Tensor }) =>
    tf.sparse.sparseReshape(
      tf.zeros([3, 2], "int32") as tf.Tensor2D,
      tf.tensor1d([3, 3], "int32"),
      tf.cast(x, "int32") as tf.Tensor1D,
    ).outputIndices;
  assert.throws(() => trace(body, INPUT), /^UserError: tfjs-node has no kernel SparseReshape/);
});

// wrong specs and names that JavaScript code may pass
const SPECS: [what: string, specs: unknown, message: RegExp][] = [
  [
    "no shape",
    { x: {} },
    /The input "x" needs a shape, a list of lengths; got undefined[\s\S]*shape: \[8, 3\]/,
  ],
  ["a list for a spec", { x: [3] }, /needs a shape/],
  ["no spec", { x: undefined }, /needs a shape/],
  ["an open length", { x: { shape: [-1, 3] } }, /needs a shape, a list of lengths; got \[ -1, 3 \]/],
  ["an unknown dtype", { x: { shape: [3], dtype: "float" } }, /no dtype "float". Known: float32/],
  ["a name with a blank", { "my x": { shape: [3] } }, /The input "my x" has an invalid name: letters/],
];

for (const [what, specs, message] of SPECS) {
  test(`an input's spec: ${what}`, () => {
    assert.throws(() => trace((inputs) => Object.values(inputs), specs as typeof INPUT), message);
  });
}

test("names and specs of variables and functions", () => {
  const program = new Program();
  assert.throws(() => program.variable("a b", { shape: [1] }), /The variable "a b" has an invalid name/);
  assert.throws(() => program.variable("a", undefined as never), /The variable "a" needs a shape/);
  assert.throws(() => program.variable("a", { shape: [null, 3] }), /got \[ null, 3 \]/);
  assert.throws(
    () => program.function("my step", ({ x }) => x, INPUT),
    /The function "my step" has an invalid name/,
  );
  program.dispose();
});

test("a function that returns nothing and changes nothing", () => {
  assert.throws(() => trace(() => {}, INPUT), /returns nothing and changes no variable/);
  assert.throws(() => trace(() => [], INPUT), /returns nothing and changes no variable/);
});

test("an operation's input that is not a tensor", () => {
  assert.throws(
    () => trace(({ x }) => rawOp("AddV2", [x, 1 as never])[0]!, INPUT),
    /AddV2: its input 1 is 1, not a tensor/,
  );
  assert.throws(() => rawOp("Neg", [[1, 2] as never]), /Neg: its input 0 is \[ 1, 2 \], not a tensor/);
});

// wrong values that JavaScript code may pass
const FEEDS: [
  what: string,
  spec: { shape: number[]; dtype?: "int32" | "int64" | "bool" | "string" | "bfloat16" },
  value: unknown,
  message: RegExp,
][] = [
  ["nothing at all", { shape: [2] }, undefined, /needs the input "x": float32\[2\]/],
  ["null", { shape: [2] }, null, /"x" of The traced function is float32\[2\]; got null/],
  ["text", { shape: [4] }, "abcd", /float32\[4\]; got 'abcd'/],
  ["a map", { shape: [2] }, new Map(), /got a Map[\s\S]*tensor\.data\(\)/],
  [
    "a nested list",
    { shape: [2, 2] },
    [
      [1, 2],
      [3, 4],
    ],
    /value 0 of the list is \[ 1, 2 \][\s\S]*one flat list/,
  ],
  ["a hole", { shape: [2] }, [1, undefined], /value 1 of the list is undefined/],
  ["words", { shape: [2] }, [1, "2"], /value 1 of the list is '2'/],
  [
    "a fraction for whole numbers",
    { shape: [2], dtype: "int32" },
    [1, 1.5],
    /int32\[2\]; value 1 of the list is 1\.5/,
  ],
  ["too large a number", { shape: [1], dtype: "int32" }, [2 ** 31], /value 0 of the list is 2147483648/],
  ["a fraction for int64", { shape: [1], dtype: "int64" }, [0.5], /int64\[1\]; value 0 of the list is 0\.5/],
  ["true", { shape: [1], dtype: "bool" }, [true], /bool\[1\]; value 0 of the list is true/],
  [
    "text for strings",
    { shape: [1], dtype: "string" },
    ["a"],
    /each string is a Uint8Array[\s\S]*TextEncoder/,
  ],
  [
    "numbers for raw bits",
    { shape: [1], dtype: "bfloat16" },
    [1],
    /bfloat16\[1\]: its values are raw bits[\s\S]*float32/,
  ],
  ["too few", { shape: [2] }, [1], /float32\[2\]: 2 values in a Float32Array; got 1/],
  ["another dtype", { shape: [2] }, new Int32Array(2), /2 values in a Float32Array; got 2 in a Int32Array/],
];

for (const [what, spec, value, message] of FEEDS) {
  test(`a value that does not fit: ${what}`, async () => {
    const traced = trace(({ x }) => x, { x: spec });
    await assert.rejects(traced.run({ x: value as never }), message);
    assert.throws(() => traced.runSync({ x: value as never }), message);
    traced.dispose();
  });
}

test("a tfjs tensor is not accepted: the error says how to read its values", async () => {
  const traced = trace(({ x }) => x, INPUT);
  const eager = tf.tensor1d([1, 2, 3]);
  await assert.rejects(traced.run({ x: eager as never }), /got a Tensor\.[\s\S]*await tensor\.data\(\)/);
  assert.deepEqual(
    (await traced.run({ x: (await eager.data()) as Float32Array })).data,
    Float32Array.of(1, 2, 3),
  );
  eager.dispose();
  traced.dispose();
});

test("whole numbers in range are accepted unchanged", () => {
  const traced = trace(({ x, n }) => ({ x, n }), {
    x: { shape: [3], dtype: "int64" },
    n: { shape: [1], dtype: "uint8" },
  });
  const { x, n } = traced.runSync({ x: [-1, 0, 2 ** 40], n: [255] });
  assert.deepEqual(x.data, BigInt64Array.of(-1n, 0n, 2n ** 40n));
  assert.deepEqual(n.data, Uint8Array.of(255));
  traced.dispose();
});
