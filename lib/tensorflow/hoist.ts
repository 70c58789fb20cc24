// What a function computes from variables alone comes out the same in every run: it can be computed once.
import type { GraphNode, GraphTensor } from "./graph";
import { copyNodes } from "./graph_copy";
import { GraphFunction, type TensorTree } from "./graph_function";
import type { Variables } from "./variables";

/**
 * A copy of a function that reads what follows from variables alone from variables of their own, whose values are
 * computed here.
 * @param name the scope of the new nodes, and what the names of the new variables begin with
 */
export async function hoistFixed<Names extends string, Result extends TensorTree>(
  name: string,
  traced: GraphFunction<Names, Result>,
  variables: Variables,
): Promise<GraphFunction<Names, Result>> {
  const { graph, root, inputs, fetches } = traced.parts;
  const { nodes } = traced;
  const { fixed, results } = findFixed(nodes, fetches);
  const renamed = (inner: string) => `${name}/${inner.slice(root.length)}`;
  const kept = new Map(results.map((result) => [result, renamed(`${result.node.name}.${result.index}`)]));
  await variables.keep([...kept].map(([result, variable]) => [variable, result]));
  const copyOf = copyNodes(nodes, graph, renamed, (node) => {
    if (node.op === "Placeholder" || !fixed.has(node))
      return node.op === "Placeholder" ? node.outputs : undefined;
    return node.outputs.map((output) => {
      const variable = kept.get(output);
      return variable === undefined ? output : variables.value(variable);
    });
  });
  const copy: GraphFunction<Names, Result> = new GraphFunction<Names, Result>({
    ...traced.parts,
    owner: name,
    root: `${name}/`,
    inputs,
    fetches: fetches.map(copyOf),
    beforeRun: () =>
      variables.assertAssigned(
        copy.nodes.filter(({ op }) => op === "VarHandleOp").map((node) => node.outputs[0]!),
      ),
  });
  return copy;
}

/** Nodes whose results follow from variables and constants alone. */
interface FixedNodes {
  /** All of them, constants and reads included. */
  fixed: ReadonlySet<GraphNode>;
  /** Of their outputs those that others use, and that are neither constants nor a variable's plain value. */
  results: GraphTensor[];
}

/** @param nodes in the order in which they were added */
function findFixed(nodes: readonly GraphNode[], fetches: readonly GraphTensor[]): FixedNodes {
  const fixed = new Set<GraphNode>();
  const ofVariables = new Set<GraphNode>();
  for (const node of nodes) {
    const isRead = node.op === "VarHandleOp" || node.op === "ReadVariableOp";
    const { isStateful } = node.definition;
    const isComputed =
      node.inputs.length > 0 && !isStateful && node.inputs.every(({ node }) => fixed.has(node));
    if (!isRead && node.op !== "Const" && !isComputed) continue;
    fixed.add(node);
    if (isRead || node.inputs.some(({ node }) => ofVariables.has(node))) ofVariables.add(node);
  }
  const isResult = ({ node }: GraphTensor) =>
    ofVariables.has(node) && node.op !== "VarHandleOp" && node.op !== "ReadVariableOp";
  const used = nodes.filter((node) => !fixed.has(node)).flatMap(({ inputs }) => inputs);
  return { fixed, results: [...new Set([...used, ...fetches].filter(isResult))] };
}
