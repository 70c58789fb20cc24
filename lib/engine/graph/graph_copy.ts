// Copies nodes within a graph or into another.
import type { Graph, GraphNode, GraphTensor } from "./graph";

/** Returns the copy of a tensor of the original graph. */
export type CopyOf = (tensor: GraphTensor) => GraphTensor;

/** Returns the tensors that replace a node's outputs in the copy, or undefined to copy the node itself. */
export type Replacement = (node: GraphNode, copyOf: CopyOf) => readonly GraphTensor[] | undefined;

/**
 * Copies nodes in their order into a graph (their own or another).
 * @param nodes must include all inputs and controls of each node, in the order in which they were added
 * @param rename returns the name of a copy
 * @returns a function from a tensor to its copy
 */
export function copyNodes(
  nodes: readonly GraphNode[],
  graph: Graph,
  rename: (name: string) => string,
  replacement: Replacement = () => undefined,
): CopyOf {
  const copies = new Map<GraphNode, readonly GraphTensor[]>();
  const copied = new Map<GraphNode, GraphNode>();
  const copyOf: CopyOf = ({ node, index }) => copies.get(node)![index]!;
  for (const node of nodes) {
    const replaced = replacement(node, copyOf);
    if (replaced) {
      copies.set(node, replaced);
      continue;
    }
    const copy = graph.addNode(node.op, node.inputs.map(copyOf), {
      name: rename(node.name),
      attributes: node.attributes,
      controls: node.controls.map((control) => copied.get(control) ?? copies.get(control)![0]!.node),
    });
    copied.set(node, copy);
    copies.set(node, copy.outputs);
  }
  return copyOf;
}
