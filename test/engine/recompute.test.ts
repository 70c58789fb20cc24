// Tests of gradient checkpointing, and of casts to dtypes that tfjs does not have.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { tf } from "guie/dist/engine/native/tf";
import { trace } from "guie/dist/engine/program/traced_function";
import { castTo, dtypeOf } from "guie/dist/engine/tracing/cast";
import { recompute } from "guie/dist/engine/tracing/recompute";

const X = [0.5, -1, 2, 0.25];
const W = [1, 2, -1, 0.5];

/** Computes sum(sin(x w)^2) and its gradients, with the two inner functions recomputed or not. */
function nested(again: boolean) {
  const inner = (x: tf.Tensor) => tf.sin(x);
  const outer = (x: tf.Tensor, w: tf.Tensor) => {
    const product = tf.mul(x, w);
    return tf.square(again ? recompute(inner, [product]) : inner(product));
  };
  return (x: tf.Tensor, w: tf.Tensor): tf.Scalar =>
    tf.sum(again ? recompute(outer, [x, w]) : outer(x, w)) as tf.Scalar;
}

test("nested recomputed functions have the values and gradients of the plain ones", () => {
  const results = [true, false].map((again) =>
    tf.tidy(() => {
      const { value, grads } = tf.valueAndGrads(nested(again))([tf.tensor1d(X), tf.tensor1d(W)]);
      return [value, ...grads].map((tensor) => Array.from(tensor.dataSync()));
    }),
  );
  assert.deepEqual(results[0], results[1]);
  const expected = X.map((x, i) => 2 * Math.sin(x * W[i]!) * Math.cos(x * W[i]!) * W[i]!);
  for (const [i, value] of results[0]![1]!.entries()) assert.ok(Math.abs(value - expected[i]!) < 1e-6);
});

test("a traced gradient computes the function a second time, after the gradient of its value", async () => {
  const spec = { shape: [4] };
  const f = trace(
    ({ x, w }) => {
      const { value, grads } = tf.valueAndGrads(nested(true))([x!, w!]);
      return { value, grads };
    },
    { x: spec, w: spec },
  );
  assert.equal(f.nodes.filter(({ op }) => op === "Sin").length, 2); // inner's second one is not needed: its gradient is a cosine
  const late = f.nodes.filter(({ op, controls }) => op === "Identity" && controls.length > 0);
  assert.equal(late.length, 3);
  const { value } = await f.run({ x: X, w: W });
  const expected = X.reduce((sum, x, i) => sum + Math.sin(x * W[i]!) ** 2, 0);
  assert.ok(Math.abs((value.data as Float32Array)[0]! - expected) < 1e-5);
  f.dispose();
});

/** Script with sixteen layers of 8 MB results each; it prints the peak memory of a gradient in MB. */
const DEEP = `
  const { tf } = require("guie/dist/engine/native/tf");
  const { trace } = require("guie/dist/engine/program/traced_function");
  const { recompute } = require("guie/dist/engine/tracing/recompute");
  const again = process.argv[1] === "again";
  const layer = (x) => { for (let i = 0; i < 8; i++) x = tf.sin(x); return x; };
  const loss = (x) => { for (let i = 0; i < 16; i++) x = again ? recompute(layer, [x]) : layer(x); return tf.sum(tf.square(x)); };
  const f = trace(({ x }) => tf.sum(tf.grad(loss)(tf.fill([2097152], 0.5).add(x))), { x: { shape: [] } });
  const before = process.memoryUsage().rss;
  const value = f.runSync({ x: [0.25] }).data[0];
  console.log(JSON.stringify({ value, peakMB: process.resourceUsage().maxRSS / 1024 - before / 2 ** 20 }));
`;

test("recomputation is not folded away: the peak memory falls to a fraction", () => {
  // freed memory returns to the system at once, so that the peak is the memory in use
  const env = { ...process.env, MALLOC_MMAP_THRESHOLD_: "65536" };
  const [kept, again] = ["kept", "again"].map(
    (word) =>
      JSON.parse(execFileSync(process.execPath, ["-e", DEEP, word], { encoding: "utf8", env })) as {
        value: number;
        peakMB: number;
      },
  );
  assert.equal(again!.value, kept!.value);
  // the plain gradient keeps 128 results of 8 MB, the recomputed one 16 inputs and the results of one layer
  assert.ok(kept!.peakMB > 1000, `${kept!.peakMB} MB`);
  assert.ok(again!.peakMB < 0.35 * kept!.peakMB, `${again!.peakMB} MB against ${kept!.peakMB} MB`);
});

test("a cast to 16 bits and back rounds; a widened tensor is cast back without a second node", async () => {
  const f = trace(
    ({ x }) => {
      const half = castTo(x!, "bfloat16");
      assert.equal(dtypeOf(half), "bfloat16");
      const wide = castTo(half, "float32");
      assert.equal(dtypeOf(wide), "float32");
      assert.equal(dtypeOf(castTo(wide, "bfloat16")), "bfloat16");
      return castTo(castTo(wide, "bfloat16"), "float32");
    },
    { x: { shape: [3] } },
  );
  assert.equal(f.nodes.filter(({ op }) => op === "Cast").length, 2);
  // bfloat16 has 8 significant bits: 1 + 1/256 lies halfway and goes to the even neighbour, 1
  const { data } = await f.run({ x: [1 + 1 / 256, 1 + 3 / 256, -3.5] });
  assert.deepEqual(Array.from(data as Float32Array), [1, 1 + 4 / 256, -3.5]);
  f.dispose();
});
