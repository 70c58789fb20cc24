// Each layer's own gradient against tfjs's automatic gradient of the plain formula; its values against known numbers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { randomStream } from "guie/dist/common/random";
import { tf } from "guie/dist/engine/native/tf";
import { trace } from "guie/dist/engine/program/traced_function";
import { tracedFor } from "guie/dist/engine/tracing/fused";
import { gelu, geluTanh, quickGelu, swiGlu } from "guie/dist/model/activations";
import { attention, layerNorm, linear } from "guie/dist/model/layers";
import { largestDifference, randomTensor } from "../tensors";

const IMAGES = 2;
const TOKENS = 5;
const HEADS = 3;
const WIDTH = 12;
const ROWS = IMAGES * TOKENS;
const EPSILON = 1e-5;

type Layer = (...inputs: tf.Tensor[]) => tf.Tensor;

function plainLayerNorm(x: tf.Tensor, gain: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  const { mean, variance } = tf.moments(x, 1, true);
  return tf.add(tf.mul(tf.div(tf.sub(x, mean), tf.sqrt(tf.add(variance, EPSILON))), gain), bias);
}

/** Computes attention one image and one head at a time. */
function plainAttention(qkv: tf.Tensor, headCount = HEADS): tf.Tensor {
  const d = WIDTH / headCount;
  const part = (image: number, column: number) =>
    tf.slice(qkv as tf.Tensor2D, [image * TOKENS, column], [TOKENS, d]) as tf.Tensor2D;
  const images = Array.from({ length: IMAGES }, (_, image) => {
    const heads = Array.from({ length: headCount }, (_, head) => {
      const [q, k, v] = [0, 1, 2].map((role) => part(image, role * WIDTH + head * d)) as [
        tf.Tensor2D,
        tf.Tensor2D,
        tf.Tensor2D,
      ];
      return tf.matMul(tf.softmax(tf.div(tf.matMul(q, tf.transpose(k)), Math.sqrt(d))), v) as tf.Tensor2D;
    });
    return tf.concat(heads, 1);
  });
  return tf.concat(images, 0);
}

function tanhArgument(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.add(x, tf.mul(tf.pow(x, 3), 0.044715)), Math.sqrt(2 / Math.PI));
}

const CASES: { name: string; shapes: number[][]; layer: Layer; plain: Layer }[] = [
  {
    name: "linear",
    shapes: [[ROWS, WIDTH], [7, WIDTH], [7]],
    layer: (x, weight, bias) => linear(x as tf.Tensor2D, weight as tf.Tensor2D, bias as tf.Tensor1D),
    plain: (x, weight, bias) => tf.add(tf.matMul(x!, tf.transpose(weight!)), bias!),
  },
  {
    name: "layerNorm",
    shapes: [[ROWS, WIDTH], [WIDTH], [WIDTH]],
    layer: (x, gain, bias) => layerNorm(x as tf.Tensor2D, gain as tf.Tensor1D, bias as tf.Tensor1D, EPSILON),
    plain: (x, gain, bias) => plainLayerNorm(x!, gain!, bias!),
  },
  {
    name: "gelu",
    shapes: [[ROWS, WIDTH]],
    layer: (x) => gelu(x as tf.Tensor2D),
    plain: (x) => tf.mul(tf.mul(x!, 0.5), tf.add(1, tf.erf(tf.div(x!, Math.SQRT2)))),
  },
  {
    name: "quickGelu",
    shapes: [[ROWS, WIDTH]],
    layer: (x) => quickGelu(x as tf.Tensor2D),
    plain: (x) => tf.div(x!, tf.add(1, tf.exp(tf.mul(x!, -1.702)))),
  },
  {
    name: "geluTanh",
    shapes: [[ROWS, WIDTH]],
    layer: (x) => geluTanh(x as tf.Tensor2D),
    plain: (x) => tf.mul(tf.mul(x!, 0.5), tf.add(1, tf.tanh(tanhArgument(x!)))),
  },
  {
    name: "swiGlu",
    shapes: [[ROWS, 2 * WIDTH]],
    layer: (x) => swiGlu(x as tf.Tensor2D),
    plain: (x) => {
      const [gate, value] = tf.split(x!, 2, 1);
      return tf.mul(tf.div(gate!, tf.add(1, tf.exp(tf.neg(gate!)))), value!);
    },
  },
  {
    name: "attention",
    shapes: [[ROWS, 3 * WIDTH]],
    layer: (qkv) => attention(qkv as tf.Tensor2D, TOKENS, HEADS),
    plain: (qkv) => plainAttention(qkv!),
  },
  {
    name: "attention of more than three head widths of tokens",
    shapes: [[ROWS, 3 * WIDTH]],
    layer: (qkv) => attention(qkv as tf.Tensor2D, TOKENS, WIDTH),
    plain: (qkv) => plainAttention(qkv!, WIDTH),
  },
];

for (const { name, shapes, layer, plain } of CASES) {
  test(`${name}: value and gradients equal those of the plain formula`, () => {
    tf.tidy(() => {
      const random = randomStream(1, name);
      const inputs = shapes.map((shape) => randomTensor(random, shape));
      const expected = plain(...inputs);
      const slope = randomTensor(random, expected.shape);
      assert.ok(largestDifference(layer(...inputs), expected) < 2e-6);
      const gradientsOf = (f: Layer) => tf.grads((...xs) => tf.sum(tf.mul(f(...xs), slope)))(inputs);
      const [ours, theirs] = [gradientsOf(layer), gradientsOf(plain)];
      ours.forEach((gradient, i) => {
        assert.deepEqual(gradient.shape, shapes[i]);
        assert.ok(largestDifference(gradient, theirs[i]!) < 1e-5, `${name}, input ${i}`);
      });
    });
  });
}

test("attention keeps its weights up to three head widths of tokens, and computes them again beyond", () => {
  // 5 tokens: heads of 4 numbers keep (5 <= 12), heads of 1 number do not (5 > 3)
  for (const [headCount, softmaxes] of [
    [3, 1],
    [12, 2],
  ] as const) {
    const f = trace(
      ({ qkv }) => tf.grad((qkv) => tf.sum(attention(qkv as tf.Tensor2D, TOKENS, headCount)))(qkv!),
      { qkv: { shape: [ROWS, 3 * WIDTH] } },
    );
    assert.equal(f.nodes.filter(({ op }) => op === "Softmax").length, softmaxes);
    f.dispose();
  }
});

test("gelu is the exact form", () => {
  // x * Phi(x) with Phi from a table of the normal distribution; the tanh form gives 0.841192 and -0.045402.
  const values = tf.tidy(() => gelu(tf.tensor2d([[0, 1, -2, 10]])).arraySync())[0]!;
  [0, 0.8413447, -0.0455003, 10].forEach((expected, i) => {
    assert.ok(Math.abs(values[i]! - expected) < 1e-6);
  });
});

test("quickGelu is x / (1 + exp(-1.702 x))", () => {
  // python: [x / (1 + math.exp(-1.702 * x)) for x in (0, 1, -2)]
  const values = tf.tidy(() => quickGelu(tf.tensor2d([[0, 1, -2]])).arraySync())[0]!;
  [0, 0.8457958, -0.0643414].forEach((expected, i) => {
    assert.ok(Math.abs(values[i]! - expected) < 1e-6);
  });
});

test("geluTanh is PyTorch's approximate form", () => {
  // torch: F.gelu(torch.tensor([0, 1, -2, 10.]), approximate="tanh")
  const values = tf.tidy(() => geluTanh(tf.tensor2d([[0, 1, -2, 10]])).arraySync())[0]!;
  [0, 0.841192, -0.0454023, 10].forEach((expected, i) => {
    assert.ok(Math.abs(values[i]! - expected) < 1e-6);
  });
});

test("swiGlu's gate is the first half of a row", () => {
  // python: [a / (1 + math.exp(-a)) * b for a, b in ((1, 3), (-2, 4))]
  const values = tf.tidy(() => swiGlu(tf.tensor2d([[1, -2, 3, 4]])).arraySync())[0]!;
  [2.1931757, -0.9536234].forEach((expected, i) => {
    assert.ok(Math.abs(values[i]! - expected) < 1e-6);
  });
});

test("layerNorm uses the biased variance", () => {
  // The row 1, 3 has mean 2, variance 1.
  const values = tf.tidy(() =>
    layerNorm(tf.tensor2d([[1, 3]]), tf.tensor1d([1, 10]), tf.tensor1d([0, 5]), 0).arraySync(),
  );
  assert.deepEqual(values, [[-1, 15]]);
});

test("attention does not mix images", () => {
  tf.tidy(() => {
    const random = randomStream(2, "apart");
    const [first, second, other] = [0, 1, 2].map(
      () => randomTensor(random, [TOKENS, 3 * WIDTH]) as tf.Tensor2D,
    );
    const withSecond = attention(tf.concat([first!, second!]), TOKENS, HEADS);
    const withOther = attention(tf.concat([first!, other!]), TOKENS, HEADS);
    const ofFirst = (result: tf.Tensor2D) => tf.slice(result, [0, 0], [TOKENS, WIDTH]);
    assert.equal(largestDifference(ofFirst(withSecond), ofFirst(withOther)), 0);
    assert.ok(largestDifference(withSecond, withOther) > 0.1);
  });
});

test("layerNorm is one fused operation if traced for inference on the CPU; under a gradient or on a GPU it is composed", async () => {
  const [rows, width] = [7, 24];
  const specs = { x: { shape: [rows, width] }, gain: { shape: [width] }, bias: { shape: [width] } };
  type Fed = Readonly<Record<"x" | "gain" | "bias", tf.Tensor>>;
  const norm = ({ x, gain, bias }: Fed) =>
    layerNorm(x as tf.Tensor2D, gain as tf.Tensor1D, bias as tf.Tensor1D, 1e-6);
  const fused = trace(norm, specs);
  const onGpu = tracedFor("gpu", () => trace(norm, specs));
  const gradient = trace((fed) => tf.grad((x) => tf.sum(tf.square(norm({ ...fed, x }))))(fed.x), specs);
  const isFused = (f: typeof fused) => f.nodes.some(({ op }) => op === "_MklLayerNorm");
  assert.deepEqual([fused, onGpu, gradient].map(isFused), [true, false, false]);
  const wave = (length: number, pace: number) =>
    Float32Array.from({ length }, (_, i) => 3 * Math.sin(pace * i));
  const fed = { x: wave(rows * width, 1.3), gain: wave(width, 0.7), bias: wave(width, 0.2) };
  const [ours, composed] = await Promise.all([fused, onGpu].map(async (f) => (await f.run(fed)).data));
  const eager = tf.tidy(() =>
    norm({
      x: tf.tensor2d(fed.x, [rows, width]),
      gain: tf.tensor1d(fed.gain),
      bias: tf.tensor1d(fed.bias),
    }).dataSync(),
  );
  for (const [i, value] of eager.entries()) {
    assert.ok(Math.abs((ours as Float32Array)[i]! - value) < 2e-6, `${i}`);
    assert.ok(Math.abs((composed as Float32Array)[i]! - value) < 2e-6, `${i}`);
  }
  for (const f of [fused, onGpu, gradient]) f.dispose();
});
