// Computes once what a function derives from variables alone, since it is the same in every run.

import { elementCount } from "../../common/vectors";
import type { Graph, GraphNode, GraphTensor } from "../graph/graph";
import { copyNodes } from "../graph/graph_copy";
import { neededNodes } from "../graph/graph_text";
import { dtypeRow } from "../native/dtypes";
import type { TensorValue } from "../native/host_tensor";
import { GraphFunction, type TensorTree } from "./graph_function";
import type { Variables } from "./variables";

/** Bytes of results that are computed together, before the variables that they came from are freed. */
const GROUP_BYTES = 2 ** 28;

/**
 * Returns a copy of a function that reads everything that follows from variables alone from new variables, and
 * computes their values. Matrices that the function multiplies transposed are stored transposed: for few rows, a
 * product with a transposed matrix takes up to three times as long. Frees variables that the copy does not read. Call
 * it outside of traces.
 * @param name scope of the new nodes and prefix of the new variables' names
 */
export async function hoistFixed<Names extends string, Result extends TensorTree>(
  name: string,
  traced: GraphFunction<Names, Result>,
  variables: Variables,
): Promise<GraphFunction<Names, Result>> {
  const { graph, root, fetches } = traced.parts;
  const { nodes } = traced;
  const renamed = (inner: string) => `${name}/${inner.slice(root.length)}`;
  const fixed = findFixed(nodes);
  const transposed = transposedMatrices(graph, nodes, fixed, renamed);
  const operands = nodes
    .filter((node) => !fixed.has(node))
    .flatMap((node) => node.inputs.map((input, i) => (i === 1 ? (transposed.get(node) ?? input) : input)));
  const matrices = new Set(transposed.values());
  const used = new Set(
    [...operands, ...fetches].filter((tensor) => fixed.get(tensor.node) || matrices.has(tensor)),
  );
  const results = [...used].filter((tensor) => matrices.has(tensor) || !isVariable(tensor.node));
  const inScope = (inner: string) => (inner.startsWith(`${name}/`) ? inner : renamed(inner));
  const kept = new Map(results.map((result) => [result, `${inScope(result.node.name)}.${result.index}`]));
  await keepResults(
    kept,
    [...used].filter((tensor) => !kept.has(tensor)),
    graph,
    variables,
  );
  const copyOf = copyNodes(nodes, graph, renamed, (node, copyOf) => {
    if (node.op === "Placeholder") return node.outputs;
    if (fixed.has(node)) {
      return node.outputs.map((output) => (kept.has(output) ? variables.value(kept.get(output)!) : output));
    }
    const matrix = transposed.get(node);
    if (!matrix) return undefined;
    const attributes = { ...node.attributes, transpose_b: false };
    const inputs = [copyOf(node.inputs[0]!), variables.value(kept.get(matrix)!)];
    return graph.addNode("MatMul", inputs, { name: renamed(node.name), attributes }).outputs;
  });
  const copy: GraphFunction<Names, Result> = new GraphFunction<Names, Result>({
    ...traced.parts,
    owner: name,
    root: `${name}/`,
    fetches: fetches.map(copyOf),
    beforeRun: () => variables.assertAssigned(handlesOf(copy.nodes)),
  });
  return copy;
}

function handlesOf(nodes: readonly GraphNode[]): GraphTensor[] {
  return nodes.filter(({ op }) => op === "VarHandleOp").map((node) => node.outputs[0]!);
}

/** Nodes that follow from variables and constants alone; true if they need a variable, false for constants only. */
type FixedNodes = ReadonlyMap<GraphNode, boolean>;

/** @param nodes in the order in which they were added */
function findFixed(nodes: readonly GraphNode[]): FixedNodes {
  const fixed = new Map<GraphNode, boolean>();
  for (const node of nodes) {
    const inputs = node.inputs.map(({ node }) => fixed.get(node));
    if (isVariable(node)) fixed.set(node, true);
    else if (node.op === "Const") fixed.set(node, false);
    else if (inputs.length > 0 && !node.definition.isStateful && !inputs.includes(undefined))
      fixed.set(node, inputs.includes(true));
  }
  return fixed;
}

function isVariable({ op }: GraphNode): boolean {
  return op === "VarHandleOp" || op === "ReadVariableOp";
}

/** Adds the transpose of every fixed matrix that a product takes transposed. Returns product -> transpose. */
function transposedMatrices(
  graph: Graph,
  nodes: readonly GraphNode[],
  fixed: FixedNodes,
  renamed: (name: string) => string,
): Map<GraphNode, GraphTensor> {
  const byMatrix = new Map<GraphTensor, GraphTensor>();
  const transposed = new Map<GraphNode, GraphTensor>();
  for (const node of nodes) {
    const matrix = node.inputs[1];
    const isTransposed = node.op === "MatMul" && node.attributes.transpose_b === true;
    if (!isTransposed || fixed.has(node) || !fixed.get(matrix!.node)) continue;
    const known = byMatrix.get(matrix!) ?? transposeOf(graph, matrix!, renamed(`${node.name}/matrix`));
    byMatrix.set(matrix!, known);
    transposed.set(node, known);
  }
  return transposed;
}

function transposeOf(graph: Graph, matrix: GraphTensor, name: string): GraphTensor {
  const value: TensorValue = { dtype: "int32", shape: [2], data: Int32Array.of(1, 0) };
  const options = { name: `${name}/axes`, attributes: { dtype: "int32" as const, value } };
  const axes = graph.addNode("Const", [], options).outputs[0]!;
  return graph.addNode("Transpose", [matrix, axes], { name }).outputs[0]!;
}

/**
 * Computes results into variables, in groups, and frees each variable once nothing needs it.
 * @param read other tensors that the copy reads, which keep their variables
 */
async function keepResults(
  results: ReadonlyMap<GraphTensor, string>,
  read: readonly GraphTensor[],
  graph: Graph,
  variables: Variables,
): Promise<void> {
  const sourcesOf = (tensors: readonly GraphTensor[]) => handlesOf(neededNodes(graph, tensors, []));
  const needed = new Set(sourcesOf(read));
  const rest = [...results.keys()];
  const uses = new Map<GraphTensor, number>();
  for (const source of rest.flatMap((result) => sourcesOf([result])))
    uses.set(source, (uses.get(source) ?? 0) + 1);
  while (rest.length > 0) {
    const group: GraphTensor[] = [];
    for (let bytes = 0; rest.length > 0 && bytes < GROUP_BYTES; bytes += bytesOf(group.at(-1)!))
      group.push(rest.shift()!);
    await variables.keep(group.map((result) => [results.get(result)!, result]));
    for (const source of group.flatMap((result) => sourcesOf([result])))
      uses.set(source, uses.get(source)! - 1);
    const done = [...uses].filter(([source, left]) => left === 0 && !needed.has(source));
    await variables.free(done.map(([source]) => source));
    for (const [source] of done) uses.delete(source);
  }
}

function bytesOf({ dtype, shape }: GraphTensor): number {
  return elementCount(shape as number[]) * dtypeRow(dtype).bytes;
}
