// Widgets with code of their own in the page (anywidget).
import { inspect } from "node:util";
import { escapeHtml } from "../../common/html";
import type { State } from "./buffers";
import { anywidgetState } from "./ipywidgets";
import { latest } from "./latest";
import { openModel } from "./model";
import { errorReporter, type Still, type Widget, widgetOf } from "./widget";

/** A widget of one's own. */
export interface OwnWidget<S extends State> extends Widget {
  /** Its values now. */
  readonly state: Readonly<S>;
  /** Changes values, here and in the page. */
  set(changes: Partial<S>): void;
  /** Calls `handler` after the page has changed values; while a call is under way, the last state waits. */
  onChange(handler: (state: Readonly<S>) => unknown): () => void;
  /** Calls `handler` for each message that the page sends with `model.send(content)`. */
  onMessage(handler: (content: unknown, buffers: readonly Uint8Array[]) => unknown): () => void;
  /** Sends a message to the page, where `model.on("msg:custom", ...)` gets it. */
  send(content: object, buffers?: readonly Uint8Array[]): void;
}

/** What a widget of one's own is made of. */
export interface OwnWidgetOptions<S extends State> {
  /** Source of an ES module: `export default { render({ model, el }) { ... } }`, see anywidget.dev. */
  esm: string;
  css?: string;
  /** First values; typed arrays travel as bytes, and are a DataView in the page. */
  state: S;
  /** Returns the picture for readers without a kernel. Default: the values as text. */
  still?: (state: Readonly<S>) => Still;
}

/**
 * Returns a widget whose page side is an ES module: `model.get`, `model.set`, `model.save_changes` there, `state`, `set`,
 * `onChange` here.
 * @example
 * const esm = `export default { render({ model, el }) {
 *   el.onclick = () => { model.set("clicks", model.get("clicks") + 1); model.save_changes(); };
 * } }`;
 * const counter = widget({ esm, state: { clicks: 0 } });
 * counter.onChange(({ clicks }) => console.log(clicks));
 */
export function widget<S extends State>(options: OwnWidgetOptions<S>): OwnWidget<S> {
  const { esm, css = "", state, still = stillOf } = options;
  const changeHandlers = new Set<(state: S) => Promise<void>>();
  const messageHandlers = new Set<(content: unknown, buffers: readonly Uint8Array[]) => unknown>();
  const model = openModel(
    { ...anywidgetState(esm, css), ...state },
    {
      onChange: () => Promise.all([...changeHandlers].map((tell) => tell(values()))),
      onMessage: async (content, buffers) => {
        try {
          for (const handler of messageHandlers) await handler(content, buffers);
          report(undefined);
        } catch (error) {
          report(error);
        }
      },
    },
  );
  const values = () => Object.fromEntries(Object.keys(state).map((name) => [name, model.state[name]])) as S;
  const base = widgetOf(model, () => still(values()));
  const report = errorReporter(base);
  const added = {
    set: (changes: Partial<S>) => model.set(changes),
    onChange: (handler: (state: S) => unknown) => {
      const tell = latest(handler, report);
      changeHandlers.add(tell);
      return () => changeHandlers.delete(tell);
    },
    onMessage: (handler: (content: unknown, buffers: readonly Uint8Array[]) => unknown) => {
      messageHandlers.add(handler);
      return () => messageHandlers.delete(handler);
    },
    send: model.send,
  };
  return Object.defineProperty(Object.assign(base, added), "state", {
    get: values,
  }) as unknown as OwnWidget<S>;
}

function stillOf(state: State): Still {
  const text = inspect(state, { maxArrayLength: 20, maxStringLength: 200 });
  return { html: `<pre>${escapeHtml(text)}</pre>`, text };
}
