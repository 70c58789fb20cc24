// A control: a widget with one value, which a person or the code changes.
import type { State } from "./buffers";
import { latest } from "./latest";
import { openModel } from "./model";
import { errorReporter, type Still, type Widget, widgetOf } from "./widget";

/** A control in a cell. */
export interface Control<T> extends Widget {
  /** Its value now. Setting it moves the control and calls the handlers. */
  value: T;
  /** The words beside it. */
  label: string;
  /** The values of a list. */
  readonly choices?: readonly T[];
  /** Widens the range of a slider, or adds to a list, so that a value fits. Nothing moves. */
  include(value: T): void;
  /**
   * Calls `handler` after every change. While a call is under way, only the last value waits. An error is shown under
   * the control.
   * @returns a function that ends this
   */
  onChange(handler: (value: T) => unknown): () => void;
}

/** How a control's value is kept in its model. */
export interface ValueKind<T> {
  /** Returns a value that a page has set in place of `before`, without noise in its last digits. */
  tidy?(value: T, before: T): T;
  /** Returns the value; throws a UserError if it does not fit the control. */
  check(value: T): T;
  /** Makes a value fit, if the control has a range or a list. @returns the changed part of the state */
  widen?(value: T): State;
  toState(value: T): State;
  fromState(state: Readonly<State>): T;
  still(value: T, label: string): Still;
}

/** Makes a control: a model with `state`, whose value is kept as `kind` says. */
export function makeControl<T>(
  state: State,
  kind: ValueKind<T>,
  first: { value: T; label: string },
): Control<T> {
  const handlers = new Set<(value: T) => Promise<void>>();
  let now = kind.check(first.value);
  const model = openModel(
    { ...state, ...kind.toState(now), description: first.label },
    {
      onChange: () => {
        const set = kind.fromState(model.state);
        return change(kind.tidy ? kind.tidy(set, now) : set);
      },
    },
  );
  const change = (value: T) => {
    if (Object.is(value, now)) return undefined;
    now = value;
    return Promise.all([...handlers].map((tell) => tell(value)));
  };
  const widget = widgetOf(model, () => kind.still(now, String(model.state.description)));
  const report = errorReporter(widget);
  return Object.defineProperties(widget as Control<T>, {
    value: {
      get: () => now,
      set: (value: T) => {
        model.set(kind.toState(kind.check(value)));
        void change(value);
      },
    },
    label: {
      get: () => model.state.description,
      set: (label: string) => model.set({ description: label }),
    },
    include: {
      value: (value: T) => {
        if (kind.widen) model.set({ ...kind.widen(value), ...kind.toState(now) });
      },
    },
    onChange: {
      value: (handler: (value: T) => unknown) => {
        const tell = latest(handler, report);
        handlers.add(tell);
        return () => handlers.delete(tell);
      },
    },
  });
}
