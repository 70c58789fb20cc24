// Counts the native objects that this library holds, for leak tests.

/** Kinds of TensorFlow's objects that this library creates and must free. */
export type HandleKind = "status" | "buffer" | "tensor" | "graph" | "session";

// Kept on the global object: every (re)loaded copy of lib counts into the same numbers.
const COUNTS = Symbol.for("guie.tensorflowHandles");
const shared = globalThis as { [COUNTS]?: Record<HandleKind, number> };
shared[COUNTS] ??= { status: 0, buffer: 0, tensor: 0, graph: 0, session: 0 };
const counts = shared[COUNTS];

/** Counts one live object more, or one fewer with -1. */
export function countHandle(kind: HandleKind, change: 1 | -1): void {
  counts[kind] += change;
}

/** Returns the exact number of TensorFlow's objects that this process now holds through this library. */
export function liveHandles(): Record<HandleKind, number> {
  return { ...counts };
}
