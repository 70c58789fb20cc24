// Comms of a kernel, kept in lists.
import type { Comm, CommHandlers, CommOptions } from "guie/dist/notebook/widgets/comm";

/** A comm that lib has opened. */
export interface OpenedComm extends CommOptions {
  id: string;
  sent: { data: Record<string, unknown>; buffers: readonly Uint8Array[] }[];
}

/** The comms opened since `forgetComms`, in their order. */
export const opened: OpenedComm[] = [];
const targets = new Map<string, (comm: Comm) => CommHandlers>();
let takesInput = true;

(globalThis as Record<symbol, unknown>)[Symbol.for("guie.comms")] = {
  open(options: CommOptions): Comm {
    const comm: OpenedComm = { ...options, id: `comm${opened.length}`, sent: [] };
    opened.push(comm);
    return {
      id: comm.id,
      send: (data, buffers = []) => comm.sent.push({ data: data as Record<string, unknown>, buffers }),
      close: () => comm.onClose?.(),
    };
  },
  listen: (target: string, accept: (comm: Comm) => CommHandlers) => targets.set(target, accept),
  takesInput: () => takesInput,
  describe: (error: unknown) => (error as Error).message,
};

/** Closes all comms; `live`: somebody can move a control. */
export function forgetComms(live = true): void {
  for (const comm of opened.splice(0)) comm.onClose?.();
  takesInput = live;
}

/** Returns the opened comm of a model's class. */
export function commOf(modelName: string): OpenedComm {
  const found = opened.filter(
    ({ data }) => (data as { state: Record<string, unknown> }).state._model_name === modelName,
  );
  return found.at(-1)!;
}

/** Does what a page does when a person changes values. */
export async function moveInPage(comm: OpenedComm, state: object): Promise<void> {
  await comm.onMessage?.({ method: "update", state, buffer_paths: [] }, []);
}

/** Sends a message of the widget's code in the page. */
export async function sendInPage(
  comm: OpenedComm,
  content: object,
  buffers: Uint8Array[] = [],
): Promise<void> {
  await comm.onMessage?.({ method: "custom", content }, buffers);
}

/** Opens a comm of a page and returns what the kernel sends on it. */
export function openInPage(target: string) {
  const sent: { data: Record<string, unknown>; buffers: readonly Uint8Array[] }[] = [];
  const send = (data: object, buffers: readonly Uint8Array[] = []) =>
    sent.push({ data: data as Record<string, unknown>, buffers });
  const handlers = targets.get(target)!({ id: "page", send, close: () => undefined });
  return { sent, ...handlers };
}
