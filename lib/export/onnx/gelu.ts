// Exact GELU in the form that onnxruntime recognises and computes as one operation.
import type { GraphNode, GraphTensor } from "../../engine/graph/graph";
import { type Conversion, constantOf } from "./conversion";

/** Returns the other input of a node `op` with a constant input of this value; undefined for any other node. */
function otherInput(node: GraphNode, op: string, value: number): GraphTensor | undefined {
  if (!(node.op === op || node.op === `${op}V2`)) return undefined;
  const index = node.inputs.findIndex((input) => {
    const values = constantOf(input);
    return values?.length === 1 && Math.abs(values[0]! - value) < 1e-6;
  });
  return index < 0 ? undefined : node.inputs[1 - index];
}

/** Returns x of the product x * (erf(x / sqrt 2) + 1) / 2, as `activations.ts` traces it; undefined for any other. */
function inputOfGelu({ inputs: [x, cdf] }: GraphNode): GraphTensor | undefined {
  const sum = cdf && otherInput(cdf.node, "Mul", 0.5);
  const erf = sum && otherInput(sum.node, "Add", 1);
  if (erf?.node.op !== "Erf") return undefined;
  return otherInput(erf.node.inputs[0]!.node, "Mul", Math.SQRT1_2) === x ? x : undefined;
}

/** Converts a product that is a GELU; undefined for any other. */
export function gelu(product: GraphNode, c: Conversion): string | undefined {
  const input = inputOfGelu(product);
  if (!input) return undefined;
  const x = c.nameOf(input);
  const scalar = (value: number) => c.constant("float32", [value], []);
  const erf = c.emit("Erf", [c.emit("Div", [x, scalar(Math.SQRT2)])]);
  return c.emit("Mul", [c.emit("Mul", [x, c.emit("Add", [erf, scalar(1)])]), scalar(0.5)]);
}
