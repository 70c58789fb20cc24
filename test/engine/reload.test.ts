// Tests that the library can be loaded several times in one process.
import assert from "node:assert/strict";
import { dirname, sep } from "node:path";
import { test } from "node:test";

type Engine = typeof import("guie/dist/engine/program/traced_function") &
  typeof import("guie/dist/engine/native/tf");

const DIST = dirname(require.resolve("guie"));

/** Loads a copy of the compiled library that shares only node_modules with previous copies. */
function load(): Engine {
  for (const path of Object.keys(require.cache)) if (path.startsWith(DIST + sep)) delete require.cache[path];
  return { ...require("guie/dist/engine/program/traced_function"), ...require("guie/dist/engine/native/tf") };
}

test("lib can be loaded again in one process; functions traced before still work", async () => {
  const results: unknown[] = [];
  const [first, second, third] = [load(), load(), load()].map(({ tf, trace }) =>
    trace(({ x }) => tf.grad((x) => tf.sum(tf.square(x)))(x), { x: { shape: [2] } }),
  );
  assert.notEqual(first!.constructor, second!.constructor);
  for (const traced of [first!, second!, third!, first!])
    results.push((await traced.run({ x: [1, 2] })).data);
  assert.deepEqual(results, new Array(4).fill(Float32Array.of(2, 4)));
  for (const traced of [first!, second!, third!]) traced.dispose();
});
