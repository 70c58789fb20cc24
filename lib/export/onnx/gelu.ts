// Exact GELU in the form in which onnxruntime knows it, and computes it as one operation.
import type { GraphNode, GraphTensor } from "../../engine/graph/graph";
import { type Conversion, constantOf } from "./conversion";

/** The other factor or summand of a node, one of whose two inputs is a constant of that value. */
function besides(node: GraphNode, op: string, value: number): GraphTensor | undefined {
  if (!(node.op === op || node.op === `${op}V2`)) return undefined;
  const index = node.inputs.findIndex((input) => {
    const values = constantOf(input);
    return values?.length === 1 && Math.abs(values[0]! - value) < 1e-6;
  });
  return index < 0 ? undefined : node.inputs[1 - index];
}

/** The x of x * (erf(x / sqrt 2) + 1) / 2, as `activations.ts` has it; undefined for any other product. */
function inputOfGelu({ inputs: [x, cdf] }: GraphNode): GraphTensor | undefined {
  const sum = cdf && besides(cdf.node, "Mul", 0.5);
  const erf = sum && besides(sum.node, "Add", 1);
  if (erf?.node.op !== "Erf") return undefined;
  return besides(erf.node.inputs[0]!.node, "Mul", Math.SQRT1_2) === x ? x : undefined;
}

/** A product that is a GELU; undefined for any other. */
export function gelu(product: GraphNode, c: Conversion): string | undefined {
  const input = inputOfGelu(product);
  if (!input) return undefined;
  const x = c.nameOf(input);
  const scalar = (value: number) => c.constant("float32", [value], []);
  const erf = c.emit("Erf", [c.emit("Div", [x, scalar(Math.SQRT2)])]);
  return c.emit("Mul", [c.emit("Mul", [x, c.emit("Add", [erf, scalar(1)])]), scalar(0.5)]);
}
