// An output that is drawn again whenever a control moves.

import { escapeHtml } from "../../common/html";
import type { MimeBundle } from "../output/display";
import { column, liveHtml } from "../widgets/boxes";
import type { Control } from "../widgets/control";
import { latest } from "../widgets/latest";
import { errorReporter, type Still, type Widget } from "../widgets/widget";
import { bundleOf } from "./show";

/** Controls by name. */
type Controls = Record<string, Control<unknown>>;

/** The values of controls by their names. */
type Values<C extends Controls> = { [Name in keyof C]: C[Name]["value"] };

/**
 * Returns controls and what `draw` makes of their values: a table, a figure, a grid of images, or anything else that
 * `show` takes. It is drawn again after each move; if that is slower than the mouse, the last values win. A control
 * without a label gets its name.
 * @param draw from the controls' values; may be async
 * @example
 * const picture = live({ rate: slider(1e-4, 1e-1, { log: true }) }, ({ rate }) => [{ rate, "rate x 10": 10 * rate }]);
 * await show(picture);
 */
export async function live<C extends Controls>(
  controls: C,
  draw: (values: Values<C>) => unknown,
): Promise<Widget> {
  const named = Object.entries(controls);
  for (const [name, control] of named) control.label ||= name;
  const drawing = liveHtml();
  const whole = column(...named.map(([, control]) => control), drawing);
  const redraw = async () => {
    const values = Object.fromEntries(named.map(([name, control]) => [name, control.value])) as Values<C>;
    drawing.set(stillOf(await bundleOf(await draw(values), {})));
  };
  await redraw();
  const redrawLast = latest(redraw, errorReporter(whole));
  for (const [, control] of named) control.onChange(() => void redrawLast(undefined));
  return whole;
}

/** Returns the form of a bundle that a widget can show; scripts do not run there. */
function stillOf(bundle: MimeBundle): Still {
  const text = String(bundle["text/plain"] ?? "");
  const html = bundle["image/svg+xml"] ?? bundle["text/html"] ?? `<pre>${escapeHtml(text)}</pre>`;
  return { html: String(html).replaceAll(/<script>[\s\S]*?<\/script>/g, ""), text };
}
