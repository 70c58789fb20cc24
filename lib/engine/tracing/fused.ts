// Decides whether a traced function may use a fused operation that only one kind of device has.
import { type Device, device } from "../native/device";
import { registeredKernels } from "../native/operations";
import { tf } from "../native/tf";
import { engineState } from "../native/tfjs_engine";
import { TRACER } from "./tracing_backend";

/** Kind of device that runs the graph; for `any` nothing is fused. */
type Target = Device["kind"] | "any";

let tracedKind: Target | undefined;
const known = new Map<string, boolean>();

/** Runs `body`, which traces graphs for this kind of device instead of the present one. Call it outside of traces. */
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
 * Returns whether an operation without a gradient may replace a composed one here: while tracing, outside of
 * gradients, on a device that has a kernel for it. Always false outside of a trace.
 */
export function canFuse(op: string): boolean {
  if (tf.getBackend() !== TRACER || engineState().gradientDepth > 0) return false;
  const kind = (tracedKind ?? device().kind).toUpperCase();
  const key = `${op} ${kind}`;
  const found = known.get(key) ?? registeredKernels(op).some(({ device }) => device === kind);
  known.set(key, found);
  return found;
}
