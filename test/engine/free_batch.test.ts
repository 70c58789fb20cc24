// Tests of functions for any batch size, and of results of variables that are computed once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { tf } from "guie/dist/engine/native/tf";
import { withFreeBatch } from "guie/dist/engine/program/free_batch";
import { Program } from "guie/dist/engine/program/program";

const fed = (data: number[], shape: number[]) => ({
  dtype: "float32" as const,
  shape,
  data: Float32Array.from(data),
});

/** x [B, 2, 3] -> rows [2 B, 3], each times a matrix, the first row of each item; and a constant of length B. */
function declareAndTrace(program: Program) {
  program.variable("w", { shape: [2, 3] });
  program.variable("gain", { shape: [2] });
  return withFreeBatch("rows", (batch) =>
    program.function(
      `rows${batch}`,
      ({ x }, variables) => {
        const scaled = tf.mul(variables.read("w"), tf.reshape(variables.read("gain"), [2, 1]));
        const rows = tf.reshape(x!, [batch * 2, 3]) as tf.Tensor2D;
        const product = tf.matMul(rows, scaled as tf.Tensor2D, false, true); // [2 B, 2]
        const firsts = tf.slice(tf.reshape(product, [batch, 4]), [0, 0], [-1, 2]);
        return tf.add(firsts, tf.zeros([batch, 1]));
      },
      { x: { shape: [batch, 2, 3] } },
    ),
  );
}

test("one graph serves every batch size, before and after the part of the weights is computed once", async () => {
  const program = new Program();
  const rows = declareAndTrace(program);
  await program.assign("w", [1, 2, 3, 4, 5, 6]);
  await program.assign("gain", [1, 10]);
  const one = fed([1, 0, 0, 9, 9, 9], [1, 2, 3]);
  const three = fed([1, 0, 0, 9, 9, 9, 0, 1, 0, 9, 9, 9, 0, 0, 1, 9, 9, 9], [3, 2, 3]);
  const expected = [1, 40, 2, 50, 3, 60];
  const check = async (f: typeof rows) => {
    assert.deepEqual([...((await f.run({ x: one })).data as Float32Array)], expected.slice(0, 2));
    const all = await f.run({ x: three });
    assert.deepEqual([all.shape, [...(all.data as Float32Array)]], [[3, 2], expected]);
  };
  await check(rows);
  const once = await program.computedOnce("once", rows);
  await check(once);
  // one matrix is left of the weights, [in, out], multiplied by its gain
  const text = once.toString();
  assert.deepEqual(
    text.match(/VarHandleOp\(\).*shape=\S+/g)?.map((line) => /shape=\S+/.exec(line)![0]),
    ["shape=[3,2]"],
  );
  assert.doesNotMatch(text, /transpose_b/);
  await assert.rejects(rows.run({ x: one }), /2 variables have no value yet: w, gain/);
  program.dispose();
});

test("the graph does not depend on the batch sizes of its traces", () => {
  const program = new Program();
  assert.doesNotMatch(declareAndTrace(program).toString(), /1009|1013/);
  program.dispose();
});

test("another dependence on the batch size is an error that names the node", () => {
  const program = new Program();
  const traceAt = (batch: number) =>
    program.function(`mean${batch}`, ({ x }) => tf.mul(tf.sum(x!), 1 / batch), { x: { shape: [batch] } });
  assert.throws(
    () => withFreeBatch("mean", traceAt),
    /mean1009\/Const\S* \(Const\) depends on the batch size/,
  );
  program.dispose();
});

test("values without a shape are refused for an open shape, and so are values of another shape", async () => {
  const program = new Program();
  const rows = declareAndTrace(program);
  await assert.rejects(
    rows.run({ x: [1, 2, 3, 4, 5, 6] }),
    /float32\[\?,2,3\]: its values need an explicit shape/,
  );
  await assert.rejects(rows.run({ x: fed([1, 2, 3, 4], [1, 2, 2]) }), /got a value float32\[1,2,2\]/);
  program.dispose();
});
