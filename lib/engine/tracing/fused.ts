// Operations that only one kind of device has, and that a traced function may use in place of composed ones.
import { type Device, device } from "../native/device";
import { registeredKernels } from "../native/operations";
import { tf } from "../native/tf";
import { engineState } from "../native/tfjs_engine";
import { TRACER } from "./tracing_backend";

/** `any`: whatever may load the graph, so that nothing is fused. */
type Target = Device["kind"] | "any";

let tracedKind: Target | undefined;
const known = new Map<string, boolean>();

/** Runs `body`, which traces graphs, as if this kind of device were the one that computes: for checks of graphs. */
export function tracedFor<T>(kind: Target, body: () => T): T {
  const outer = tracedKind;
  tracedKind = kind;
  try {
    return body();
  } finally {
    tracedKind = outer;
  }
}

/**
 * Whether an operation that has no gradient may stand for a composed one here: in a traced function, outside of
 * gradients, on a device that has a kernel for it.
 */
export function canFuse(op: string): boolean {
  if (tf.getBackend() !== TRACER || engineState().gradientDepth > 0) return false;
  const kind = (tracedKind ?? device().kind).toUpperCase();
  const key = `${op} ${kind}`;
  const found = known.get(key) ?? registeredKernels(op).some(({ device }) => device === kind);
  known.set(key, found);
  return found;
}
