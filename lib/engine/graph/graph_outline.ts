// A graph folded by its scopes, for drawings: what lies deeper than a given depth becomes one box.
import { describeTensor, type GraphNode, type GraphTensor } from "./graph";

/** What a drawing shows as one thing: a node, or all nodes of a scope. */
export interface Box {
  /** Scopes and name; a scope's ends with a slash: "block00/MatMul", "block00/attention/". */
  path: string;
  /** Operation of a single node; undefined where the box stands for a scope. */
  op?: string;
  /** Nodes in it. */
  count: number;
}

/** What flows from one box to another. */
export interface Flow {
  from: string;
  to: string;
  /** "float32[8,384]", or "3 tensors". */
  what: string;
}

/** A folded graph; boxes in the order of their first nodes. */
export interface Outline {
  boxes: Box[];
  flows: Flow[];
}

/** Left out: they are given, not computed, and would hide what is. */
const SOURCES = ["Const", "VarHandleOp", "ReadVariableOp"];

/** Boxes of a drawing that a person can still take in. */
const MOST_BOXES = 48;

/**
 * Folds nodes by scope. Constants and reads of variables are left out.
 * @param root what all names begin with and no box shows: the function's own scope with a slash, or empty
 * @param depth how many levels of scopes are shown open; 0 folds every scope. Default: the most that give no more
 * than 48 boxes, or 0
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

/** ["block00", "attention"] of "step/block00/attention/MatMul" in "step/". */
function scopesOf(node: GraphNode, root: string): string[] {
  return innerName(node, root).split("/").slice(0, -1);
}
