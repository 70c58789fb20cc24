// Writes a graph as text, one line per node.
import type { TensorValue } from "../native/host_tensor";
import { type Attribute, isDefault } from "./attributes";
import { describeTensor, type Graph, type GraphNode, type GraphTensor } from "./graph";

/** Number of values after which a list is cut. */
const SHOWN_VALUES = 8;
/** Significant digits that float32 can hold. */
const SHOWN_DIGITS = 7;

/** Returns the nodes that `tensors` and `targets` need, in the order in which they were added. */
export function neededNodes(
  graph: Graph,
  tensors: readonly GraphTensor[],
  targets: readonly GraphNode[],
): GraphNode[] {
  const needed = new Set<GraphNode>();
  const waiting = [...tensors.map(({ node }) => node), ...targets];
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    if (needed.has(node)) continue;
    needed.add(node);
    waiting.push(...node.inputs.map((input) => input.node), ...node.controls);
  }
  return graph.nodes.filter((node) => needed.has(node));
}

/**
 * Writes a node as one line: `block/MatMul = MatMul(x, w) transpose_b=true -> float32[2,5]`. `x:1` is a node's second
 * output, `^x` a node that must run before. Leaves out attributes that have their default values.
 */
export function nodeText(node: GraphNode): string {
  const inputs = node.inputs.map(({ node, index }) => (index === 0 ? node.name : `${node.name}:${index}`));
  const controls = node.controls.map(({ name }) => `^${name}`);
  const attributes = Object.entries(node.attributes)
    .filter(([name, value]) => !isDefault(node.definition, name, value) && !isSeenInResult(node, name, value))
    .map(([name, value]) => ` ${name}=${attributeText(value)}`);
  const [first, ...others] = node.outputs.map(describeTensor);
  const results = others.length > 0 ? `(${[first, ...others].join(", ")})` : (first ?? "()");
  return `${node.name} = ${node.op}(${[...inputs, ...controls].join(", ")})${attributes.join("")} -> ${results}`;
}

function isSeenInResult({ outputs }: GraphNode, name: string, value: Attribute): boolean {
  if (name === "dtype") return outputs[0]?.dtype === value;
  return name === "shape" && JSON.stringify(outputs[0]?.shape) === JSON.stringify(value);
}

function attributeText(value: Attribute): string {
  if (value === null || typeof value !== "object") return scalarText(value);
  if (!("data" in value)) return listText(value as readonly Attribute[]);
  const { shape, data } = value as TensorValue;
  const values = Array.from(data as ArrayLike<number | bigint | Uint8Array>).slice(0, SHOWN_VALUES + 1);
  const texts = values.map((item) => (item instanceof Uint8Array ? new TextDecoder().decode(item) : item));
  return shape.length === 0 ? scalarText(texts[0]!) : listText(texts, data.length);
}

function listText(values: readonly Attribute[], count = values.length): string {
  const shown = values.slice(0, SHOWN_VALUES).map(scalarText);
  return `[${[...shown, ...(count > SHOWN_VALUES ? [`... ${count} in all`] : [])].join(",")}]`;
}

function scalarText(value: Attribute): string {
  return typeof value === "number" ? String(Number(value.toPrecision(SHOWN_DIGITS))) : String(value);
}
