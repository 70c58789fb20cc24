// Sources of weights: into a program, as tensors, joined and renamed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { tf } from "guie/dist/engine/native/tf";
import { Program } from "guie/dist/engine/program/program";
import {
  fillProgram,
  fromTensors,
  joinSources,
  toTensors,
  type WeightSource,
  withoutPrefix,
  withPrefix,
} from "guie/dist/model/weight_source";

/** Returns weights of ascending values, two numbers each; `onClose` is called when the source is closed. */
function constant(names: string[], value: number, onClose: () => void): WeightSource {
  return {
    shapes: new Map(names.map((name) => [name, [2]])),
    write: (name, memory) => void memory.fill(value + names.indexOf(name)),
    close: onClose,
  };
}

test("joined sources fill a program's variables, each its own ones, and are closed", async () => {
  const closed: string[] = [];
  const tower = constant(["a", "b"], 1, () => closed.push("tower"));
  const head = constant(["c"], 5, () => closed.push("head"));
  const program = new Program();
  await fillProgram(program, joinSources(withPrefix("visual.", tower), head));
  assert.deepEqual(program.variableNames, ["visual.a", "visual.b", "c"]);
  for (const [name, value] of Object.entries({ "visual.a": 1, "visual.b": 2, c: 5 }))
    assert.deepEqual((await program.read(name)).data, Float32Array.of(value, value), name);
  assert.deepEqual(closed, ["tower", "head"]);
  program.dispose();
});

test("a source that fails is closed", async () => {
  let closed = 0;
  const source = { ...constant(["a"], 1, () => closed++), write: () => assert.fail("the disk") };
  const program = new Program();
  await assert.rejects(fillProgram(program, source), /the disk/);
  assert.throws(() => toTensors(source), /the disk/);
  assert.equal(closed, 2);
  program.dispose();
});

test("tensors become a source and tensors again, under shorter names; none is leaked", () => {
  const before = tf.memory().numTensors;
  const weights = { "visual.w": tf.tensor2d([1, 2, 3, 4], [2, 2]) };
  const again = toTensors(withoutPrefix("visual.", fromTensors(weights)));
  assert.deepEqual(again.w!.arraySync(), [
    [1, 2],
    [3, 4],
  ]);
  tf.dispose(again);
  assert.equal(tf.memory().numTensors, before);
});
