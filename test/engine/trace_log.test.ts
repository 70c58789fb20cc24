// Tests of the log that the environment variable TRACE turns on.
import assert from "node:assert/strict";
import { test } from "node:test";
import { tf } from "guie/dist/engine/native/tf";
import { Program } from "guie/dist/engine/program/program";
import { scope } from "guie/dist/engine/tracing/scope";

/** Returns the standard error of a small program with TRACE=`level`; seconds are replaced by #. */
async function traceAt(level: string): Promise<string> {
  const { write } = process.stderr;
  let text = "";
  process.env.TRACE = level;
  process.stderr.write = (chunk: unknown) => {
    text += chunk;
    return true;
  };
  const program = new Program();
  try {
    program.variable("w", { shape: [1024, 512] });
    program.variable("unused", { shape: [2 ** 19], dtype: "float16" });
    program.function(
      "dense",
      ({ x }, variables) => {
        const y = scope("layer", () => tf.matMul(x as tf.Tensor2D, variables.read("w") as tf.Tensor2D));
        return tf.add(tf.add(y, y), 1);
      },
      { x: { shape: [2, 1024] } },
    );
    await program.assign("w", new Float32Array(1024 * 512));
  } finally {
    process.stderr.write = write;
    delete process.env.TRACE;
    program.dispose();
  }
  return text.replace(/\d+\.\d+ s/g, "# s");
}

test("TRACE=1 logs a line for every traced function and session; without TRACE nothing is logged", async () => {
  const expected =
    "trace: dense: 8 nodes, 1 variable, traced in # s\n" + "trace: session: 2 variables, opened in # s\n";
  assert.equal(await traceAt("1"), expected);
  assert.equal(await traceAt(""), "");
  assert.equal(await traceAt("0"), "");
});

test("TRACE=2 adds operations by kind, and memory", async () => {
  assert.equal(
    await traceAt("2"),
    `trace: dense: 8 nodes, 1 variable, traced in # s
trace:   variables 2.0 MB, constants 0.0 MB
trace:   Add 2, Const 1, Identity 1, MatMul 1, Placeholder 1, ReadVariableOp 1, VarHandleOp 1
trace: session: 2 variables of 3.0 MB, opened in # s
`,
  );
});

test("TRACE=3 adds every node", async () => {
  assert.equal(
    await traceAt("3"),
    `trace: dense: 8 nodes, 1 variable, traced in # s
trace:   variables 2.0 MB, constants 0.0 MB
trace:   Add 2, Const 1, Identity 1, MatMul 1, Placeholder 1, ReadVariableOp 1, VarHandleOp 1
trace:   variables/w = VarHandleOp() dtype=float32 shape=[1024,512] shared_name=w -> resource[]
trace:   dense/x = Placeholder() -> float32[2,1024]
trace:   dense/read/w = ReadVariableOp(variables/w) -> float32[1024,512]
trace:   dense/layer/MatMul = MatMul(dense/x, dense/read/w) -> float32[2,512]
trace:   dense/Add = Add(dense/layer/MatMul, dense/layer/MatMul) -> float32[2,512]
trace:   dense/Const = Const() value=1 -> float32[]
trace:   dense/Add_1 = Add(dense/Add, dense/Const) -> float32[2,512]
trace:   dense/output = Identity(dense/Add_1) -> float32[2,512]
trace: session: 2 variables of 3.0 MB, opened in # s
`,
  );
});

test("another value of TRACE is refused", async () => {
  await assert.rejects(traceAt("yes"), /environment variable TRACE is "yes"[\s\S]*1, 2 or 3/);
});
