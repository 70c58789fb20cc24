// Compares traced layers, which use TensorFlow's own operations for biases, with the plain formulas in eager mode.
import assert from "node:assert/strict";
import { test } from "node:test";
import { randomStream } from "guie/dist/common/random";
import { tf } from "guie/dist/engine/native/tf";
import { trace } from "guie/dist/engine/program/traced_function";
import { gelu } from "guie/dist/model/activations";
import { layerNorm, linear } from "guie/dist/model/layers";
import { largestDifference, randomTensor } from "../tensors";

const ROWS = 37;
const WIDTH = 11;
const EPSILON = 1e-5;

type Layer = (x: tf.Tensor2D, weight: tf.Tensor, bias: tf.Tensor1D) => tf.Tensor;

function plainLayerNorm(x: tf.Tensor2D, gain: tf.Tensor, bias: tf.Tensor1D): tf.Tensor {
  const { mean, variance } = tf.moments(x, 1, true);
  return tf.add(tf.mul(tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, EPSILON))), gain), bias);
}

const CASES: { name: string; weightShape: number[]; layer: Layer; plain: Layer; ops: string[] }[] = [
  {
    name: "linear",
    weightShape: [WIDTH, WIDTH],
    layer: (x, weight, bias) => linear(x, weight as tf.Tensor2D, bias),
    plain: (x, weight, bias) => tf.add(tf.matMul(x, weight as tf.Tensor2D, false, true), bias),
    ops: ["BiasAdd", "BiasAddGrad"],
  },
  {
    name: "layerNorm",
    weightShape: [WIDTH],
    layer: (x, gain, bias) => layerNorm(x, gain as tf.Tensor1D, bias, EPSILON),
    plain: plainLayerNorm,
    ops: ["BiasAddGrad"],
  },
];

for (const { name, weightShape, layer, plain, ops } of CASES) {
  test(`${name}: traced value and gradients equal the plain formula's`, async () => {
    const random = randomStream(1, name);
    const x = randomTensor(random, [ROWS, WIDTH]);
    const inputs = { x, weight: randomTensor(random, weightShape), bias: randomTensor(random, [WIDTH]) };
    const slope = randomTensor(random, [ROWS, WIDTH]);
    const compute = (f: Layer, { x, weight, bias, slope }: Record<string, tf.Tensor>) => {
      const call = (...[x, weight, bias]: tf.Tensor[]) => f(x as tf.Tensor2D, weight!, bias as tf.Tensor1D);
      const gradients = tf.grads((...xs) => tf.sum(tf.mul(call(...xs), slope!)));
      return [call(x!, weight!, bias!), ...gradients([x!, weight!, bias!])];
    };
    const all = { ...inputs, slope };
    const graph = trace((symbols) => compute(layer, symbols), all);
    const found = new Set(graph.nodes.map(({ op }) => op));
    for (const op of ops) assert.ok(found.has(op), `${op} is not among ${[...found].join(", ")}`);
    const feeds = Object.entries(all).map(([name, tensor]) => [name, tensor.dataSync() as Float32Array]);
    const values = await graph.run(Object.fromEntries(feeds));
    const expected = tf.tidy(() => compute(plain, all));
    for (const [i, wanted] of expected.entries()) {
      assert.deepEqual(values[i]!.shape, wanted.shape);
      assert.ok(largestDifference(values[i]!.data as Float32Array, wanted) < 2e-5, `result ${i}`);
    }
    graph.dispose();
    tf.dispose([all, expected]);
  });
}

test("in inference TensorFlow runs a linear layer and its GELU as one operation, equal to the formula", async () => {
  const random = randomStream(1, "gelu");
  const shapes = { x: [ROWS, WIDTH], weight: [5, WIDTH], bias: [5] };
  const fed = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, randomTensor(random, shape)]),
  ) as Record<keyof typeof shapes, tf.Tensor>;
  const layer = ({ x, weight, bias }: typeof fed) =>
    gelu(linear(x as tf.Tensor2D, weight as tf.Tensor2D, bias as tf.Tensor1D));
  const f = trace((inputs) => layer(inputs as typeof fed), {
    x: { shape: shapes.x },
    weight: { shape: shapes.weight },
    bias: { shape: shapes.bias },
  });
  assert.ok(f.nodes.some(({ op }) => op === "Erf"));
  const values = Object.fromEntries(
    Object.entries(fed).map(([name, tensor]) => [name, tensor.dataSync()]),
  ) as Record<keyof typeof shapes, Float32Array>;
  const ran = (await f.profile(values)).map(({ node }) => node);
  assert.ok(!ran.some((node) => /Erf|MatMul|BiasAdd/.test(node)), ran.join(" "));
  const { data } = await f.run(values);
  const expected = tf.tidy(() => layer(fed).dataSync());
  for (const [i, value] of expected.entries()) assert.ok(Math.abs((data as Float32Array)[i]! - value) < 1e-5);
  f.dispose();
  tf.dispose(fed);
});
