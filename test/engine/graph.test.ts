// Tests of graphs: shape inference, names, and errors for wrong operations, inputs and attributes.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { describeTensor, Graph } from "guie/dist/engine/graph/graph";
import { liveHandles } from "guie/dist/engine/native/handles";
import { registeredKernels } from "guie/dist/engine/native/operations";
import { EngineError } from "guie/dist/engine/native/status";

let graph: Graph;
before(() => {
  graph = new Graph();
});
after(() => graph.dispose());

function placeholder(shape: (number | null)[], dtype = "float32") {
  return graph.addNode("Placeholder", [], { name: "x", attributes: { dtype, shape } }).outputs[0]!;
}

test("TensorFlow infers dtypes and shapes", () => {
  const product = graph.addNode("MatMul", [placeholder([2, 3]), placeholder([5, 3])], {
    attributes: { transpose_b: true },
  });
  assert.equal(describeTensor(product.outputs[0]!), "float32[2,5]");
  const stretched = graph.addNode("Softmax", [placeholder([null, 4])]);
  assert.equal(describeTensor(stretched.outputs[0]!), "float32[?,4]");
});

test("list arguments take all inputs that single arguments leave", () => {
  const parts = [placeholder([2, 1]), placeholder([2, 2]), placeholder([2, 3])];
  const axis = graph.addNode("Const", [], {
    attributes: { dtype: "int32", value: { dtype: "int32", shape: [], data: Int32Array.of(1) } },
  });
  const joined = graph.addNode("ConcatV2", [...parts, axis.outputs[0]!]);
  assert.equal(describeTensor(joined.outputs[0]!), "float32[2,6]");
  assert.equal(describeTensor(graph.addNode("AddN", [parts[1]!, parts[1]!]).outputs[0]!), "float32[2,2]");
});

test("an operation with two list arguments needs their lengths", () => {
  const x = placeholder([2]);
  assert.throws(
    () => graph.addNode("ParseExample", [x, x, x, x]),
    /sparse_keys\.\.\., dense_keys\.\.\., dense_defaults\.\.\.\), got 4[\s\S]*Give the lengths of its lists: Nsparse/,
  );
});

test("a taken name gets a number", () => {
  const names = [1, 2, 3].map(() => graph.addNode("NoOp", [], { name: "a/b" }).name);
  assert.deepEqual(names, ["a/b", "a/b_1", "a/b_2"]);
});

test("errors name the operation and its inputs or attributes", () => {
  const x = placeholder([2, 3]);
  assert.throws(() => graph.addNode("MatMull", [x, x]), /no operation "MatMull"[\s\S]*Did you mean "MatMul"/);
  assert.throws(() => graph.addNode("MatMul", [x]), /MatMul takes the inputs \(a, b\), got 1/);
  assert.throws(
    () => graph.addNode("MatMul", [x, x], { attributes: { transposeB: true } }),
    /MatMul has no attribute "transposeB"[\s\S]*Did you mean "transpose_b"/,
  );
});

test("an operation that TensorFlow rejects is an EngineError that names node and inputs", () => {
  assert.throws(
    () => graph.addNode("MatMul", [placeholder([2, 3]), placeholder([2, 3])], { name: "qkv" }),
    (error: Error) =>
      error instanceof EngineError &&
      error.code === "INVALID_ARGUMENT" &&
      error.message.startsWith("adding MatMul qkv (float32[2,3], float32[2,3]): Dimensions must be equal"),
  );
});

test("kernels of the loaded library are listed by device and dtype", () => {
  const onCpu = registeredKernels("MatMul").filter(({ device }) => device === "CPU");
  assert.ok(onCpu.some(({ dtypes }) => dtypes.T?.includes("bfloat16")));
  assert.throws(() => registeredKernels("MatMulll"), /no operation/);
});

test("a disposed graph is freed and accepts no more nodes", () => {
  const { graph: countBefore } = liveHandles();
  const other = new Graph();
  assert.equal(liveHandles().graph, countBefore + 1);
  other.dispose();
  other.dispose();
  assert.equal(liveHandles().graph, countBefore);
  assert.throws(() => other.addNode("NoOp"), /disposed/);
});
