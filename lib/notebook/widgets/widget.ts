// A widget: something that `show` shows and that moves.
import { kernelComms } from "./comm";
import type { Model } from "./model";

const WIDGET = Symbol.for("guie.widget");

/** A widget for readers without a kernel: GitHub, an HTML page, a file that is opened again. */
export interface Still {
  /** Escaped HTML with the values. */
  html: string;
  text: string;
}

/** A widget: a control, several in a row or column, one of your own. `show` shows it. */
export interface Widget {
  readonly [WIDGET]: true;
  /** The model with the widget's view. */
  readonly model: Model;
  readonly parts: readonly Widget[];
  /** Places where errors of its handlers are shown, once it is. */
  readonly errorLines: Set<(words: string) => void>;
  still(): Still;
}

/** Returns the common part of a widget. */
export function widgetOf(model: Model, still: () => Still, parts: readonly Widget[] = []): Widget {
  return { [WIDGET]: true, model, parts, errorLines: new Set(), still };
}

/** Tells whether a value is a widget. */
export function isWidget(value: unknown): value is Widget {
  return typeof value === "object" && value !== null && WIDGET in value;
}

/** Returns a function that shows a handler's error (undefined: takes it away) where the widget is shown. */
export function errorReporter({ errorLines }: Pick<Widget, "errorLines">): (error: unknown) => void {
  let shown = false;
  return (error) => {
    if (error === undefined && !shown) return;
    shown = error !== undefined;
    const words = shown ? (kernelComms()?.describe(error) ?? String(error)) : "";
    for (const line of errorLines) line(words);
    if (errorLines.size === 0 && shown) console.error(words);
  };
}
