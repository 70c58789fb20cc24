// Tests of programs: variables, functions that share them, and an optimiser against its kernel.
import assert from "node:assert/strict";
import { test } from "node:test";
import { liveHandles } from "guie/dist/engine/native/handles";
import type { TensorValue } from "guie/dist/engine/native/host_tensor";
import { tf } from "guie/dist/engine/native/tf";
import { Program } from "guie/dist/engine/program/program";
import { rawOp } from "guie/dist/engine/tracing/raw_op";

const numbers = (value: TensorValue) => Array.from(value.data as Float32Array);

/** Returns a program with a function `step` that adds its input to the variable `total`. */
function counter() {
  const program = new Program();
  program.variable("total", { shape: [2] });
  const step = program.function(
    "step",
    ({ x }, variables) => {
      const total = variables.read("total");
      variables.assign("total", tf.add(total, x));
      return { before: total };
    },
    { x: { shape: [2] } },
  );
  return { program, step };
}

test("a variable keeps its value from run to run; a run sees the value from before it", async () => {
  const { program, step } = counter();
  await program.assign("total", [10, 20]);
  assert.deepEqual(numbers((await step.run({ x: [1, 2] })).before), [10, 20]);
  assert.deepEqual(numbers(step.runSync({ x: [1, 2] }).before), [11, 22]);
  assert.deepEqual(await program.read("total"), {
    dtype: "float32",
    shape: [2],
    data: Float32Array.of(12, 24),
  });
  program.dispose();
});

test("functions share variables, also with functions that are traced later", async () => {
  const { program, step } = counter();
  await program.assign("total", [0, 0]);
  await step.run({ x: [1, 2] });
  const norm = program.function("norm", (_, variables) => tf.sum(tf.square(variables.read("total"))), {});
  assert.deepEqual(numbers(await norm.run({})), [5]);
  await step.run({ x: [1, 1] });
  assert.deepEqual(numbers(await norm.run({})), [13]);
  assert.match(norm.toString(), /^norm\/read\/total = ReadVariableOp\(variables\/total\) -> float32\[2\]$/m);
  program.dispose();
});

test("a swap of two variables reads both before it assigns either", async () => {
  const program = new Program();
  for (const name of ["a", "b"]) program.variable(name, { shape: [] });
  const exchange = program.function(
    "exchange",
    (_, variables) => {
      const [a, b] = [variables.read("a"), variables.read("b")];
      variables.assign("a", b);
      variables.assign("b", a);
    },
    {},
  );
  await program.assign("a", 1);
  await program.assign("b", 2);
  for (let i = 0; i < 51; i++) await exchange.run({});
  assert.deepEqual([numbers(await program.read("a")), numbers(await program.read("b"))], [[2], [1]]);
  program.dispose();
});

const RATE = 0.1;
const DECAY = 0.01;

/** Computes one step of AdamW on the loss |w - target|^2 with tfjs operations: the new weight and moments. */
function adamW(
  w: tf.Tensor,
  first: tf.Tensor,
  second: tf.Tensor,
  target: tf.Tensor,
  step: tf.Tensor,
): [tf.Tensor, tf.Tensor, tf.Tensor] {
  const gradient = tf.grad((w: tf.Tensor) => tf.sum(tf.square(tf.sub(w, target))))(w);
  const m = tf.add(tf.mul(first, 0.9), tf.mul(gradient, 0.1));
  const v = tf.add(tf.mul(second, 0.999), tf.mul(tf.square(gradient), 0.001));
  const mHat = tf.div(m, tf.sub(1, tf.pow(0.9, step)));
  const vHat = tf.div(v, tf.sub(1, tf.pow(0.999, step)));
  const update = tf.mul(tf.div(mHat, tf.add(tf.sqrt(vHat), 1e-8)), RATE);
  return [tf.sub(tf.mul(w, 1 - RATE * DECAY), update), m, v];
}

test("five traced steps of AdamW equal eager mode and TensorFlow's in-place kernel", async () => {
  const start = [3, -2, 0.5];
  const target = Float32Array.of(1, 1, 1);
  const names = ["w", "first", "second"] as const;

  let eager: tf.Tensor[] = [tf.tensor1d(start), tf.zeros([3]), tf.zeros([3])];
  for (let step = 1; step <= 5; step++) {
    const [w, first, second] = eager;
    eager = tf.tidy(() => adamW(w!, first!, second!, tf.tensor1d(target), tf.scalar(step)));
  }

  const inputs = { target: { shape: [3] }, step: { shape: [] } };
  const newProgram = async () => {
    const program = new Program();
    for (const name of names) program.variable(name, { shape: [3] });
    await program.assign("w", start);
    for (const name of ["first", "second"])
      await program.fill(name, (memory) => void memory.fill(0 as never));
    return program;
  };

  const traced = await newProgram();
  const trainStep = traced.function(
    "trainStep",
    ({ target, step }, variables) => {
      const [w, first, second] = names.map((name) => variables.read(name));
      const updated = adamW(w!, first!, second!, target, step);
      for (const [i, name] of names.entries()) variables.assign(name, updated[i]!);
    },
    inputs,
  );

  const inPlace = await newProgram();
  const fusedStep = inPlace.function(
    "trainStep",
    ({ target, step }, variables) => {
      const w = variables.read("w");
      const gradient = tf.grad((w: tf.Tensor) => tf.sum(tf.square(tf.sub(w, target))))(w);
      const handles = names.map((name) => variables.handle(name));
      // Decoupled decay first: w (1 - rate * decay); Adam's update does not depend on w
      rawOp("ResourceApplyGradientDescent", [handles[0]!, tf.scalar(RATE * DECAY), w]);
      const powers = [tf.pow(0.9, step), tf.pow(0.999, step)];
      const constants = [RATE, 0.9, 0.999, 1e-8].map((value) => tf.scalar(value));
      rawOp("ResourceApplyAdam", [...handles, ...powers, ...constants, gradient]);
    },
    inputs,
  );

  for (let step = 1; step <= 5; step++) {
    await trainStep.run({ target, step });
    await fusedStep.run({ target, step });
  }
  for (const [i, name] of names.entries()) {
    const expected = Array.from(eager[i]!.dataSync());
    for (const program of [traced, inPlace]) {
      const actual = numbers(await program.read(name));
      for (const [j, value] of actual.entries())
        assert.ok(Math.abs(value - expected[j]!) < 1e-5, `${name} ${actual}`);
    }
  }
  for (const program of [traced, inPlace]) program.dispose();
  tf.dispose(eager);
});

test("a function without a result runs for its effect, once per run", async () => {
  const program = new Program();
  program.variable("count", { shape: [], dtype: "int32" });
  const tick = program.function(
    "tick",
    (_, variables) => {
      rawOp("AssignAddVariableOp", [variables.handle("count"), tf.scalar(1, "int32")]);
      rawOp("AssignAddVariableOp", [variables.handle("count"), tf.scalar(10, "int32")]);
    },
    {},
  );
  await program.assign("count", 0);
  for (let i = 0; i < 3; i++) await tick.run({});
  assert.deepEqual((await program.read("count")).data, Int32Array.of(33));
  program.dispose();
});

test("a function may assign a variable's first value", async () => {
  const program = new Program();
  program.variable("w", { shape: [2], dtype: "bfloat16" });
  const start = program.function(
    "start",
    (_, variables) => variables.assign("w", rawOp("Cast", [tf.ones([2])], { DstT: "bfloat16" })[0]!),
    {},
  );
  await assert.rejects(program.read("w"), /A variable has no value yet: w/);
  await start.run({});
  assert.deepEqual((await program.read("w")).data, Uint16Array.of(0x3f80, 0x3f80));
  program.dispose();
});

test("errors about variables name the variable", async () => {
  const { program, step } = counter();
  await assert.rejects(step.run({ x: [1, 2] }), /A variable has no value yet: total/);
  assert.throws(() => program.variable("total", { shape: [] }), /There already is a variable "total"/);
  await assert.rejects(program.assign("totel", [1]), /no variable "totel"[\s\S]*Did you mean "total"/);
  await assert.rejects(program.assign("total", [1]), /The variable "total" is float32\[2\]: 2 values/);
  const traced = (body: (variables: Parameters<Parameters<typeof program.function>[1]>[1]) => void) => () =>
    program.function("wrong", (_, variables) => body(variables), {});
  assert.throws(
    traced((variables) => variables.assign("total", tf.zeros([3]))),
    /"total" is float32\[2\]; it was assigned a float32\[3\]/,
  );
  assert.throws(
    traced((variables) => {
      variables.assign("total", tf.zeros([2]));
      variables.assign("total", tf.ones([2]));
    }),
    /assigned twice/,
  );
  assert.throws(
    traced((variables) => {
      variables.assign("total", tf.zeros([2]));
      variables.read("total");
    }),
    /read after it was changed/,
  );
  program.dispose();
});

test("a failed fill of a variable leaves nothing behind", async () => {
  const before = liveHandles();
  const { program } = counter();
  const failing = program.fill("total", async () => {
    throw new Error("the file ended early");
  });
  await assert.rejects(failing, /ended early/);
  await assert.rejects(program.read("total"), /no value yet/);
  program.dispose();
  assert.deepEqual(liveHandles(), before);
});
