// Scopes that give nodes readable names; called while tracing.
import { UserError } from "../../common/errors";
import { engineState, inBackwardPass, type TapeNode } from "../native/tfjs_engine";

/** The scope of all nodes of gradients. */
const GRADIENT = "gradient";

/** Where in a traced function its code is; undefined while nothing is traced. */
let current: { readonly root: string; readonly names: readonly string[] } | undefined;

/**
 * Runs `body`; while a function is traced, the nodes that it adds are named `name/...`, and the nodes of its
 * gradient `gradient/name/...`. Without effect otherwise. Scopes nest.
 * @param name letters, digits, `_`, `.`, `-`, and `/` between several
 * @example
 * scope("block0", () => tf.relu(x)) // a node "block0/Relu"
 */
export function scope<T>(name: string, body: () => T): T {
  assertName("scope", name);
  if (!current) return body();
  const names = [...current.names, name];
  const firstNew = engineState().activeTape?.length ?? 0;
  try {
    return within(names, body);
  } finally {
    for (const node of engineState().activeTape?.slice(firstNew) ?? []) scopeGradient(node, names);
  }
}

/**
 * @param what whose name it is, for the message
 * @throws UserError where TensorFlow would not take it for a node's name
 */
export function assertName(what: string, name: string): void {
  if (/^[A-Za-z0-9.][A-Za-z0-9_.\-/]*$/.test(name)) return;
  throw new UserError(
    `The ${what} "${name}" cannot be called so: letters, digits and _.-/ are allowed, a letter or digit first.`,
  );
}

/** What the names of new nodes begin with: empty, or ending with a slash. */
export function scopePrefix(): string {
  if (!current) return "";
  const { root, names } = current;
  const isScoped = names[0] === GRADIENT || !inBackwardPass();
  return [root, ...(isScoped ? names : [GRADIENT, ...names])]
    .filter((name) => name !== "")
    .map((name) => `${name}/`)
    .join("");
}

/** Runs `body` as the outermost scope of a trace. An empty root adds no name. */
export function rootScope<T>(root: string, body: () => T): T {
  const outer = current;
  current = { root, names: [] };
  try {
    return body();
  } finally {
    current = outer;
  }
}

function within<T>(names: readonly string[], body: () => T): T {
  const outer = current;
  current = { root: outer?.root ?? "", names };
  try {
    return body();
  } finally {
    current = outer;
  }
}

/** The gradient runs long after the scope was left: this takes it back there. */
function scopeGradient(node: TapeNode, names: readonly string[]): void {
  const { gradient } = node;
  if (!gradient) return;
  const inGradient = [GRADIENT, ...names];
  node.gradient = (dys) => {
    const byInput = Object.entries(within(inGradient, () => gradient(dys)));
    return Object.fromEntries(byInput.map(([input, compute]) => [input, () => within(inGradient, compute)]));
  };
}
