// Folds a graph by its scopes for drawings: nodes deeper than a given depth become one box.
import { describeTensor, type GraphNode, type GraphTensor } from "./graph";

/** One box of a drawing: a node, or all nodes of a scope. */
export interface Box {
  /** Scopes and name; the path of a scope ends with a slash: "block00/MatMul", "block00/attention/". */
  path: string;
  /** Operation of a single node; undefined for a scope. */
  op?: string;
  /** Number of nodes in it. */
  count: number;
}

/** Tensors that flow from one box to another. */
export interface Flow {
  from: string;
  to: string;
  /** "float32[8,384]", or "3 tensors". */
  what: string;
}

/** A folded graph, with boxes in the order of their first nodes. */
export interface Outline {
  boxes: Box[];
  flows: Flow[];
}

/** Operations that are left out: they compute nothing and would hide the rest. */
const SOURCES = ["Const", "VarHandleOp", "ReadVariableOp"];

/** Largest number of boxes that a person can still read in a drawing. */
const MOST_BOXES = 48;

/**
 * Folds nodes by scope. Leaves out constants and reads of variables.
 * @param root prefix of all names, which no box shows: the function's own scope with a slash, or empty
 * @param depth number of scope levels that are shown open; 0 folds every scope. Default: the largest number that
 * gives at most 48 boxes, or 0
 */
export function outlineOf(nodes: readonly GraphNode[], root: string, depth?: number): Outline {
  const shown = nodes.filter(({ op }) => !SOURCES.includes(op));
  if (depth !== undefined) return foldAt(shown, root, depth);
  const deepest = Math.max(0, ...shown.map((node) => scopesOf(node, root).length));
  const depths = Array.from({ length: deepest }, (_, i) => deepest - i);
  const fitting = depths.find((depth) => foldAt(shown, root, depth).boxes.length <= MOST_BOXES);
  return foldAt(shown, root, fitting ?? 0);
}

function foldAt(nodes: readonly GraphNode[], root: string, depth: number): Outline {
  const boxes = new Map<string, Box>();
  const pathOf = new Map<GraphNode, string>();
  for (const node of nodes) {
    const scopes = scopesOf(node, root);
    const isFolded = scopes.length > depth;
    const path = isFolded ? `${scopes.slice(0, depth + 1).join("/")}/` : innerName(node, root);
    const box = boxes.get(path) ?? { path, ...(!isFolded && { op: node.op }), count: 0 };
    boxes.set(path, { ...box, count: box.count + 1 });
    pathOf.set(node, path);
  }
  return { boxes: [...boxes.values()], flows: flowsBetween(nodes, pathOf) };
}

function flowsBetween(nodes: readonly GraphNode[], pathOf: ReadonlyMap<GraphNode, string>): Flow[] {
  const flows = new Map<string, { from: string; to: string; tensors: Set<GraphTensor> }>();
  for (const node of nodes) {
    const to = pathOf.get(node)!;
    for (const input of node.inputs) {
      const from = pathOf.get(input.node);
      if (from === undefined || from === to) continue;
      const key = JSON.stringify([from, to]);
      const flow = flows.get(key) ?? { from, to, tensors: new Set() };
      flow.tensors.add(input);
      flows.set(key, flow);
    }
  }
  return Array.from(flows.values(), ({ from, to, tensors }) => {
    const [first, ...others] = tensors;
    return { from, to, what: others.length > 0 ? `${tensors.size} tensors` : describeTensor(first!) };
  });
}

function innerName({ name }: GraphNode, root: string): string {
  return name.startsWith(root) ? name.slice(root.length) : name;
}

/** Returns the scopes of a node: ["block00", "attention"] for "step/block00/attention/MatMul" in "step/". */
function scopesOf(node: GraphNode, root: string): string[] {
  return innerName(node, root).split("/").slice(0, -1);
}
