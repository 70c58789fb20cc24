// Compares every kernel of tfjs-node traced with the same kernel in eager mode.
import assert from "node:assert/strict";
import { test } from "node:test";
import { tf } from "guie/dist/engine/native/tf";
import { trace } from "guie/dist/engine/program/traced_function";
import { type Input, KERNEL_CASES, type KernelCase, UNTRACEABLE_CASES } from "./kernel_cases";

function eagerInputs({ inputs }: KernelCase): Record<string, tf.Tensor> {
  const tensor = ({ values, shape, dtype }: Input) => tf.tensor(values as Float32Array, shape, dtype);
  return Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, tensor(input)]));
}

function traced({ inputs, run }: KernelCase) {
  return trace((tensors) => [run(tensors)].flat(), inputs);
}

function feedsOf({ inputs }: KernelCase) {
  return Object.fromEntries(Object.entries(inputs).map(([name, { values }]) => [name, values]));
}

/** Returns the values as numbers or strings; complex numbers as pairs. */
function valuesOf(tensor: tf.Tensor): (number | string)[] {
  if (tensor.dtype !== "complex64") return Array.from(tensor.dataSync() as Float32Array);
  const [real, imag] = [tf.real(tensor).dataSync(), tf.imag(tensor).dataSync()];
  return Array.from(real).flatMap((value, i) => [value, imag[i]!]);
}

test("every kernel of tfjs-node has a case", () => {
  const kernels = tf.getKernelsForBackend("tensorflow").map(({ kernelName }) => kernelName);
  const covered = [...KERNEL_CASES, ...UNTRACEABLE_CASES].map(({ kernel }) => kernel);
  assert.deepEqual([...new Set(covered)].sort(), kernels.sort());
});

for (const kernelCase of KERNEL_CASES) {
  test(`${kernelCase.kernel}: traced equals eager`, async () => {
    const inputs = eagerInputs(kernelCase);
    let eager: tf.Tensor[] = [];
    const { kernelNames } = await tf.profile(() => {
      eager = [kernelCase.run(inputs)].flat();
      return eager;
    });
    assert.ok(kernelNames.includes(kernelCase.kernel), `the case reaches ${kernelNames}`);

    const graph = traced(kernelCase);
    const values = await graph.run(feedsOf(kernelCase));
    assert.equal(values.length, eager.length);
    for (const [i, expected] of eager.entries()) {
      assert.deepEqual(values[i]!.shape, expected.shape);
      assertClose(values[i]!.data as Float32Array | Uint8Array[], valuesOf(expected));
    }
    graph.dispose();
    tf.dispose([inputs, eager]);
  });
}

/** Asserts equality; floats may differ by a few units in the last place, since TensorFlow simplifies graphs. */
function assertClose(actual: Float32Array | Uint8Array[], expected: (number | string)[]): void {
  assert.equal(actual.length, expected.length);
  for (const [i, wanted] of expected.entries()) {
    const value = actual[i]!;
    if (typeof wanted === "string") assert.equal(new TextDecoder().decode(value as Uint8Array), wanted);
    else if (!Object.is(value, wanted)) {
      const difference = Math.abs((value as number) - wanted);
      assert.ok(difference <= 1e-6 * Math.max(1, Math.abs(wanted)), `[${i}] is ${value}, eager ${wanted}`);
    }
  }
}

for (const kernelCase of UNTRACEABLE_CASES) {
  test(`${kernelCase.kernel} cannot be traced: the shape of its result depends on the data`, () => {
    const { named } = kernelCase;
    assert.throws(() => traced(kernelCase), {
      name: "UserError",
      message: new RegExp(`${named} gives .*\\?.*: the shape of its result depends on the data`),
    });
    assert.equal(tf.getBackend(), "tensorflow");
  });
}
