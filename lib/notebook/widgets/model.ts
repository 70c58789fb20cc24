// The model of a widget: its state, the same in the kernel and in every page.
import { packState, type State, unpackState } from "./buffers";
import { type Comm, type CommHandlers, kernelComms } from "./comm";

const TARGET = "jupyter.widget";
/** A page that is loaded again asks here for all models. */
const CONTROL_TARGET = "jupyter.widget.control";
const PROTOCOL = { version: "2.1.0" };

/** Handlers of what comes from a page. */
export interface ModelHandlers {
  /** Called after a page has changed these values. */
  onChange?(changes: State): unknown;
  /** Called for a message of the widget's own code. */
  onMessage?(content: unknown, buffers: readonly Uint8Array[]): unknown;
  onClose?(): unknown;
}

/** The state of a widget. */
export interface Model {
  /** Undefined if no page can show it: headless runs, scripts. */
  readonly id: string | undefined;
  readonly state: Readonly<State>;
  /** Tells whether pages still have it. */
  isOpen(): boolean;
  /** Changes values here and in every page; values that are the same already are not sent. */
  set(changes: State): void;
  /** Sends a message to the widget's own code. */
  send(content: object, buffers?: readonly Uint8Array[]): void;
}

interface Message {
  method?: string;
  state?: State;
  buffer_paths?: (string | number)[][];
  content?: unknown;
}

// On the global object: reload() loads this file again, and the models stay.
const OPEN_MODELS = Symbol.for("guie.openModels");
const shared = globalThis as { [OPEN_MODELS]?: Map<string, State> };
shared[OPEN_MODELS] ??= new Map();
const openModels = shared[OPEN_MODELS];

/**
 * Opens a model in the pages of the running cell's notebook. It is closed before that cell runs again. Where nobody can
 * move it, it keeps its state and does nothing else.
 * @param state its values, with the names of its classes in the page (`_model_name`, `_view_name`, ...)
 */
export function openModel(state: State, handlers: ModelHandlers = {}): Model {
  const comms = kernelComms();
  const values = { ...state };
  let comm: Comm | undefined;
  if (comms?.takesInput()) {
    comms.listen(CONTROL_TARGET, answerPage);
    const { state: data, buffer_paths, buffers } = packState(values);
    comm = comms.open({
      target: TARGET,
      data: { state: data, buffer_paths },
      metadata: PROTOCOL,
      buffers,
      onMessage: (message, received) => receive(message as Message, received),
      onClose: () => {
        openModels.delete(comm!.id);
        return handlers.onClose?.();
      },
    });
    openModels.set(comm.id, values);
  }
  const tell = (method: "update" | "echo_update", changes: State) => {
    const { buffers, ...packed } = packState(changes);
    comm?.send({ method, ...packed }, buffers);
  };
  const receive = ({ method, state, buffer_paths, content }: Message, buffers: readonly Uint8Array[]) => {
    if (method === "request_state") return tell("update", values);
    if (method === "custom") return handlers.onMessage?.(content, buffers);
    if (method !== "update" || !state) return undefined;
    const changes = unpackState(state, buffer_paths, buffers);
    Object.assign(values, changes);
    tell("echo_update", changes); // other tabs follow
    return handlers.onChange?.(changes);
  };
  return {
    id: comm?.id,
    state: values,
    isOpen: () => comm !== undefined && openModels.has(comm.id),
    set(changes) {
      const changed = Object.entries(changes).filter(([name, value]) => !Object.is(values[name], value));
      if (changed.length === 0) return;
      Object.assign(values, changes);
      tell("update", Object.fromEntries(changed));
    },
    send: (content, buffers) => comm?.send({ method: "custom", content }, buffers),
  };
}

/** Returns the reference to a model in another model's state; null without a page. */
export function modelReference({ id }: Model): string | null {
  return id === undefined ? null : `IPY_MODEL_${id}`;
}

/** Answers a page that asks for all models. */
function answerPage(page: Comm): CommHandlers {
  return {
    onMessage: (message) => {
      if ((message as Message).method === "request_states") sendAll(page);
    },
  };
}

function sendAll(page: Comm): void {
  const all = [...openModels].map(([id, state]) => {
    const { _model_name, _model_module, _model_module_version } = state;
    const names = {
      model_name: _model_name,
      model_module: _model_module,
      model_module_version: _model_module_version,
    };
    return [id, { ...names, state }] as const;
  });
  const { state: states, buffer_paths, buffers } = packState(Object.fromEntries(all));
  page.send({ method: "update_states", states, buffer_paths }, buffers);
}
