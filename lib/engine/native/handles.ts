/** Kinds of TensorFlow's objects that this library creates and must free. */
export type HandleKind = "status" | "buffer" | "tensor" | "graph" | "session";

// Kept on the global object: every (re)loaded copy of lib counts into the same numbers.
const COUNTS = Symbol.for("guie.tensorflowHandles");
const shared = globalThis as { [COUNTS]?: Record<HandleKind, number> };
shared[COUNTS] ??= { status: 0, buffer: 0, tensor: 0, graph: 0, session: 0 };
const counts = shared[COUNTS];

/** Counts one more (or, with -1, one fewer) live object. */
export function countHandle(kind: HandleKind, change: 1 | -1): void {
  counts[kind] += change;
}

/** How many of TensorFlow's objects this process holds through this library now: exact, for leak tests. */
export function liveHandles(): Record<HandleKind, number> {
  return { ...counts };
}
