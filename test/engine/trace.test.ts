// Tests of traces: values and gradients against eager mode, text and scopes.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { randomStream } from "guie/dist/common/random";
import { liveHandles } from "guie/dist/engine/native/handles";
import { HostTensor, type TensorValue } from "guie/dist/engine/native/host_tensor";
import { tf } from "guie/dist/engine/native/tf";
import { trace } from "guie/dist/engine/program/traced_function";
import { rawOp } from "guie/dist/engine/tracing/raw_op";
import { scope } from "guie/dist/engine/tracing/scope";
import { largestDifference, randomTensor } from "../tensors";

// Every test checks that tfjs and TensorFlow's handles are unchanged afterwards.
let before: unknown;
const state = () => ({ memory: tf.memory(), backend: tf.getBackend(), handles: liveHandles() });
beforeEach(() => {
  before = state();
});
afterEach(() => assert.deepEqual(state(), before));

const floats = (value: TensorValue) => value.data as Float32Array;

/** Runs `body` in eager mode and traced on the same values, and compares all results. */
async function assertSame(
  inputs: Record<string, tf.Tensor>,
  body: (inputs: Record<string, tf.Tensor>) => tf.Tensor[],
  tolerance = 1e-5,
): Promise<void> {
  const eager = tf.tidy(() => body(inputs));
  const traced = trace(body, inputs);
  const feeds = Object.entries(inputs).map(([name, tensor]) => [name, tensor.dataSync() as Float32Array]);
  const values = await traced.run(Object.fromEntries(feeds));
  for (const [i, expected] of eager.entries()) {
    assert.deepEqual(values[i]!.shape, expected.shape);
    const scale = Math.max(
      1,
      tf.tidy(() => tf.max(tf.abs(expected)).dataSync()[0]!),
    );
    assert.ok(largestDifference(floats(values[i]!), expected) <= tolerance * scale, `result ${i}`);
  }
  traced.dispose();
  tf.dispose([eager, inputs]);
}

test("gradients of a small MLP", async () => {
  const random = randomStream(1, "mlp");
  const inputs = {
    x: randomTensor(random, [8, 5]),
    w1: randomTensor(random, [5, 7]),
    b1: randomTensor(random, [7]),
    w2: randomTensor(random, [7, 3]),
  };
  await assertSame(inputs, ({ x, w1, b1, w2 }) => {
    const loss = (w1: tf.Tensor, b1: tf.Tensor, w2: tf.Tensor) => {
      const hidden = tf.relu(tf.add(tf.matMul(x!, w1), b1));
      return tf.mean(tf.square(tf.logSoftmax(tf.matMul(hidden, w2)))) as tf.Scalar;
    };
    const { value, grads } = tf.valueAndGrads(loss)([w1!, b1!, w2!]);
    return [value, ...grads];
  });
});

test("gradients of a small attention block", async () => {
  const random = randomStream(1, "attention");
  const inputs = {
    x: randomTensor(random, [2, 5, 8]),
    qkv: randomTensor(random, [8, 24]),
    out: randomTensor(random, [8, 8]),
    gain: randomTensor(random, [8]),
  };
  await assertSame(inputs, ({ x, qkv, out, gain }) => {
    const block = (x: tf.Tensor, qkv: tf.Tensor, out: tf.Tensor, gain: tf.Tensor): tf.Scalar => {
      const { mean, variance } = tf.moments(x, -1, true);
      const normal = tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5))), gain);
      const parts = tf.split(tf.reshape(tf.matMul(tf.reshape(normal, [10, 8]), qkv), [2, 5, 24]), 3, 2);
      const [q, k, v] = parts.map((part) => tf.transpose(tf.reshape(part, [2, 5, 2, 4]), [0, 2, 1, 3]));
      const weights = tf.softmax(tf.mul(tf.matMul(q!, k!, false, true), 0.5));
      const mixed = tf.reshape(tf.transpose(tf.matMul(weights, v!), [0, 2, 1, 3]), [10, 8]);
      return tf.mean(tf.square(tf.add(x, tf.reshape(tf.matMul(mixed, out), [2, 5, 8]))));
    };
    const { value, grads } = tf.valueAndGrads(block)([x!, qkv!, out!, gain!]);
    return [value, ...grads];
  });
});

test("gradients: customGrad, second derivatives, tf.Variables made within the function", async () => {
  const x = () => ({ x: tf.tensor1d([0.3, -1.2, 2]) });
  const doubled = tf.customGrad((x) => ({
    value: tf.square(x as tf.Tensor),
    gradFunc: (dy) => tf.mul(dy, 5),
  }));
  await assertSame(x(), ({ x }) => [tf.grad((x: tf.Tensor) => doubled(x))(x!)]);
  const cubic = (x: tf.Tensor) => tf.sum(tf.mul(x, tf.mul(x, x)));
  await assertSame(x(), ({ x }) => [tf.grad((x: tf.Tensor) => tf.sum(tf.grad(cubic)(x)))(x!)]);
  await assertSame(x(), ({ x }) => {
    const variable = tf.variable(x!, true, "local");
    const { value, grads } = tf.variableGrads(() => cubic(variable) as tf.Scalar, [variable]);
    variable.dispose();
    return [value, grads.local!];
  });
});

test("results keep the nesting of the returned value", async () => {
  const traced = trace(({ x }) => ({ sum: tf.sum(x), parts: [x, { twice: tf.add(x, x) }] as const }), {
    x: { shape: [2], dtype: "int32" },
  });
  assert.deepEqual(await traced.run({ x: [3, 4] }), {
    sum: { dtype: "int32", shape: [], data: Int32Array.of(7) },
    parts: [
      { dtype: "int32", shape: [2], data: Int32Array.of(3, 4) },
      { twice: { dtype: "int32", shape: [2], data: Int32Array.of(6, 8) } },
    ],
  });
  assert.deepEqual(traced.runSync({ x: Int32Array.of(1, 2) }).sum.data, Int32Array.of(3));
  traced.dispose();
});

test("a trace as text", () => {
  const dense = ({ x, w, b }: Record<"x" | "w" | "b", tf.Tensor>) => {
    const loss = (w: tf.Tensor, b: tf.Tensor) =>
      scope("dense", () => {
        const y = scope("linear", () => tf.add(tf.matMul(x, w, false, true), b));
        return tf.sum(tf.mul(y, 0.1)) as tf.Scalar;
      });
    const { value, grads } = tf.valueAndGrads(loss)([w, b]);
    return { loss: value, grads };
  };
  const traced = trace(dense, { x: { shape: [4, 3] }, w: { shape: [2, 3] }, b: { shape: [2] } });
  assert.equal(traced.nodeCount, traced.toString().trim().split("\n").length);
  assert.equal(traced.toString(), DENSE_AS_TEXT);
  traced.dispose();
});

const DENSE_AS_TEXT = `x = Placeholder() -> float32[4,3]
w = Placeholder() -> float32[2,3]
b = Placeholder() -> float32[2]
dense/linear/MatMul = MatMul(x, w) transpose_b=true -> float32[4,2]
dense/linear/Add = Add(dense/linear/MatMul, b) -> float32[4,2]
dense/Const = Const() value=0.1 -> float32[]
dense/Mul = Mul(dense/linear/Add, dense/Const) -> float32[4,2]
dense/Const_1 = Const() value=[0,1] -> int32[2]
dense/Sum = Sum(dense/Mul, dense/Const_1) -> float32[]
gradient/dense/Const = Const() value=1 -> float32[]
gradient/dense/Const_1 = Const() value=[1,1] -> int32[2]
gradient/dense/Reshape = Reshape(gradient/dense/Const, gradient/dense/Const_1) -> float32[1,1]
gradient/dense/Const_2 = Const() value=[1,1,1,1,1,1,1,1] -> float32[4,2]
gradient/dense/Mul = Mul(gradient/dense/Reshape, gradient/dense/Const_2) -> float32[4,2]
gradient/dense/Cast = Cast(dense/Const) DstT=float32 -> float32[]
gradient/dense/Mul_1 = Mul(gradient/dense/Mul, gradient/dense/Cast) -> float32[4,2]
gradient/dense/linear/Const = Const() value=[4,2] -> int32[2]
gradient/dense/linear/Reshape = Reshape(gradient/dense/Mul_1, gradient/dense/linear/Const) -> float32[4,2]
gradient/dense/linear/Const_1 = Const() value=[0] -> int32[1]
gradient/dense/linear/Sum = Sum(gradient/dense/Mul_1, gradient/dense/linear/Const_1) -> float32[2]
gradient/dense/linear/Const_2 = Const() value=[2] -> int32[1]
gradient/dense/linear/Reshape_1 = Reshape(gradient/dense/linear/Sum, gradient/dense/linear/Const_2) -> float32[2]
gradient/dense/linear/MatMul = MatMul(gradient/dense/linear/Reshape, x) transpose_a=true -> float32[2,3]
output/loss = Identity(dense/Sum) -> float32[]
output/grads/0 = Identity(gradient/dense/linear/MatMul) -> float32[2,3]
output/grads/1 = Identity(gradient/dense/linear/Reshape_1) -> float32[2]
`;

test("nodes of a gradient outside of any scope are in gradient/ too", () => {
  const body = ({ x }: { x: tf.Tensor }) =>
    tf.grad((x) =>
      tf.add(
        scope("a", () => tf.exp(x)),
        scope("b", () => tf.square(x)),
      ),
    )(x);
  const traced = trace(body, { x: { shape: [2] } });
  const isForward = (name: string) =>
    ["x", "a/", "b/", "Add", "output"].some((start) => name.startsWith(start));
  const backward = traced.nodes.map(({ name }) => name).filter((name) => !isForward(name));
  assert.ok(backward.length > 3 && backward.every((name) => name.startsWith("gradient/")), `${backward}`);
  // the gradients of the two paths to x are added
  assert.ok(backward.includes("gradient/Add"), `${backward}`);
  traced.dispose();
});

test("scopes have no effect outside of a trace; invalid names are refused", () => {
  assert.equal(
    scope("block", () => 3),
    3,
  );
  assert.throws(() => scope("a b", () => 3), /The scope "a b" has an invalid name/);
});

test("equal small constants share a node; a repeated number takes no room; large constants are refused", () => {
  const x = { x: { shape: [2] } };
  const nodes = (op: string, text: string) => text.split("\n").filter((line) => line.includes(`= ${op}(`));
  const shared = trace(({ x }) => tf.add(tf.mul(x, 3), tf.mul(tf.sub(x, 3), tf.tensor1d([3, 4]))), x);
  assert.equal(nodes("Const", shared.toString()).length, 2);
  shared.dispose();

  const filled = trace(() => tf.ones([5000, 5000]), {});
  assert.equal(nodes("Fill", filled.toString()).length, 1);
  assert.equal(floats(filled.runSync({})).length, 25e6);
  filled.dispose();

  const large = Float32Array.from({ length: 2 ** 21 }, (_, i) => i);
  assert.throws(
    () => trace(() => tf.square(tf.tensor1d(large)), {}),
    /tf\.square would put a constant float32\[2097152\] of 8 MB into the graph \(limit 4 MB\)[\s\S]*input/,
  );
});

test("a value that is known while tracing can be read while tracing", () => {
  const traced = trace(() => {
    const [three] = tf.tensor1d([3]).dataSync();
    return tf.zeros([three!]);
  }, {});
  assert.deepEqual(floats(traced.runSync({})), new Float32Array(3));
  traced.dispose();
});

test("dtypes that tfjs does not know pass through the graph", async () => {
  const traced = trace(
    ({ pixels }) => {
      const [half] = rawOp("Cast", [tf.div(tf.cast(pixels, "float32"), 255)], { DstT: "bfloat16" });
      const product = tf.matMul(half as tf.Tensor2D, half as tf.Tensor2D, false, true);
      return { product, single: rawOp("Cast", [product], { DstT: "float32" })[0]! };
    },
    { pixels: { shape: [1, 2], dtype: "uint8" } },
  );
  const { product, single } = await traced.run({ pixels: Uint8Array.of(255, 0) });
  assert.deepEqual(product, { dtype: "bfloat16", shape: [1, 1], data: Uint16Array.of(0x3f80) });
  assert.deepEqual(floats(single), Float32Array.of(1));
  traced.dispose();
});

test("a raw operation computes the same in eager mode and traced", async () => {
  const inputs = { a: tf.tensor2d([1, 2, 3, 4], [2, 2]), b: tf.tensor2d([5, 6, 7, 8], [2, 2]) };
  await assertSame(inputs, ({ a, b }) => [
    ...rawOp("MatMul", [a!, b!], { transpose_a: true }),
    ...rawOp("AddN", [a!, b!, a!]),
    ...rawOp("Split", [tf.scalar(1, "int32"), a!], { num_split: 2 }),
  ]);
  assert.throws(() => rawOp("MatMull", []), /no operation "MatMull"[\s\S]*MatMul/);
  assert.throws(() => rawOp("NoOp", [], { speed: 1 }), /NoOp has no attribute "speed"/);
});

test("raw operations may return tensors of a length that only a run knows", async () => {
  const traced = trace(({ x }) => rawOp("Unique", [x])[0]!, { x: { shape: [4] } });
  assert.match(traced.toString(), /Unique\(x\) -> \(float32\[\?\], int32\[4\]\)/);
  const memory = new HostTensor("float32", [4]);
  memory.data.set([7, 8, 7, 7] as never);
  assert.deepEqual((await traced.run({ x: memory })).data, Float32Array.of(7, 8));
  memory.dispose();
  const other = new HostTensor("float32", [2, 2]);
  await assert.rejects(traced.run({ x: other }), /is float32\[4\], got a HostTensor float32\[2,2\]/);
  other.dispose();
  traced.dispose();
});

test("feeds that do not match are refused by name", async () => {
  const traced = trace(({ image }) => tf.square(image), { image: { shape: [2, 2] } });
  await assert.rejects(traced.run({} as never), /needs the input "image": float32\[2,2\]/);
  await assert.rejects(
    traced.run({ image: [1, 2, 3] }),
    /The input "image" of The traced function is float32\[2,2\]: 4 values/,
  );
  await assert.rejects(traced.run({ image: new Float64Array(4) }), /Float32Array; got 4 in a Float64Array/);
  await assert.rejects(traced.run({ imgae: 1 } as never), /no input "imgae"[\s\S]*Did you mean "image"/);
  traced.dispose();
});

test("a trace inside an eager gradient does not disturb the gradient", () => {
  const gradient = tf.tidy(() =>
    tf
      .grad((x: tf.Tensor) => {
        trace(({ y }) => tf.square(y), { y: { shape: [] } }).dispose();
        return tf.square(x);
      })(tf.scalar(3))
      .dataSync(),
  );
  assert.deepEqual(Array.from(gradient), [6]);
});
