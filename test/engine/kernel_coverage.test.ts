// Tests of the search for operations without a kernel on a device.
import assert from "node:assert/strict";
import { test } from "node:test";
import { coverageOf, describeUse, hasKernel, operationUses } from "guie/dist/engine/graph/kernel_coverage";
import type { RegisteredKernel } from "guie/dist/engine/native/operations";
import { tf } from "guie/dist/engine/native/tf";
import { trace } from "guie/dist/engine/program/traced_function";
import { rawOp } from "guie/dist/engine/tracing/raw_op";

/** Kernels of an invented library. */
const KERNELS: Record<string, RegisteredKernel[]> = {
  Placeholder: [{ device: "DEFAULT", dtypes: {}, label: "" }],
  Identity: [{ device: "GPU", dtypes: { T: ["float32"] }, label: "" }],
  Const: [{ device: "DEFAULT", dtypes: {}, label: "" }],
  Cast: [{ device: "GPU", dtypes: { SrcT: ["float32"], DstT: ["bfloat16", "int32"] }, label: "" }],
  MatMul: [
    { device: "GPU", dtypes: { T: ["float32"] }, label: "" },
    { device: "GPU", dtypes: { T: ["bfloat16"] }, label: "rewritten" },
    { device: "CPU", dtypes: { T: ["bfloat16"] }, label: "" },
  ],
  IdentityN: [{ device: "GPU", dtypes: { T: ["float32", "int32"] }, label: "" }],
};

/** Function with a product in bfloat16, and one in float32 by two nodes. */
function products() {
  return trace(
    ({ x }) => {
      const [half] = rawOp("Cast", [x], { DstT: "bfloat16" });
      const twice = tf.matMul(tf.matMul(x as tf.Tensor2D, x as tf.Tensor2D), x as tf.Tensor2D);
      return [twice, rawOp("MatMul", [half!, half!])[0]!];
    },
    { x: { shape: [2, 2] } },
  );
}

test("operations are listed once per combination of dtypes, including those inferred from the inputs", () => {
  const traced = products();
  const uses = operationUses(traced.nodes);
  assert.deepEqual(uses.map(describeUse), [
    "Cast(SrcT: float32, DstT: bfloat16)",
    "Identity(T: bfloat16)",
    "Identity(T: float32)",
    "MatMul(T: bfloat16)",
    "MatMul(T: float32)",
    "Placeholder(dtype: float32)",
  ]);
  assert.equal(uses[4]!.example, "MatMul");
  traced.dispose();
});

test("dtypes of lists of tensors and default dtypes are listed too", () => {
  const body = ({ x, n }: Record<"x" | "n", tf.Tensor>) => [
    ...rawOp("IdentityN", [x, n]),
    ...rawOp("ArgMax", [x, n]),
  ];
  const traced = trace(body, { x: { shape: [3] }, n: { shape: [], dtype: "int32" } });
  const uses = operationUses(traced.nodes);
  const described = uses.map(describeUse);
  assert.ok(described.includes("IdentityN(T: float32 int32)"), String(described));
  assert.ok(described.includes("ArgMax(T: float32, Tidx: int32, output_type: int64)"), String(described));
  const listed = uses.find(({ op }) => op === "IdentityN")!;
  assert.ok(hasKernel(listed, KERNELS.IdentityN!, "GPU"));
  assert.ok(!hasKernel({ ...listed, dtypes: { T: ["float32", "string"] } }, KERNELS.IdentityN!, "GPU"));
  traced.dispose();
});

test("device, dtypes and label decide on a kernel; missing and excused operations are separate", () => {
  const traced = products();
  const uses = operationUses(traced.nodes);
  const missing = (excuses: Record<string, string>) => coverageOf(uses, (op) => KERNELS[op]!, "GPU", excuses);
  assert.deepEqual(missing({}).missing.map(describeUse), ["Identity(T: bfloat16)", "MatMul(T: bfloat16)"]);
  assert.deepEqual(missing({}).excused, []);
  const excused = missing({ Identity: "for this test" });
  assert.deepEqual(excused.missing.map(describeUse), ["MatMul(T: bfloat16)"]);
  assert.deepEqual(excused.excused.map(describeUse), ["Identity(T: bfloat16)"]);
  const byDtype = missing({ "MatMul(T: bfloat16)": "of this dtype", "Identity(T: half)": "of another" });
  assert.deepEqual(byDtype.missing.map(describeUse), ["Identity(T: bfloat16)"]);
  traced.dispose();
});

test("a kernel that constrains an unknown dtype does not match", () => {
  assert.ok(!hasKernel({ op: "Cast", dtypes: { SrcT: ["float32"] }, example: "" }, KERNELS.Cast!, "GPU"));
});
