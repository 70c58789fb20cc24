// Shows a widget: its view where a kernel moves it, a still picture for everyone else.

import { escapeHtml } from "../../common/html";
import { display } from "../output/display";
import { scriptHtml } from "../output/page_script";
import { column, liveHtml } from "./boxes";
import type { Widget } from "./widget";

const VIEW_MIME = "application/vnd.jupyter.widget-view+json";
const SENTENCE = "A picture of the controls as the cell made them: run the cell to move them.";

/**
 * Shows a widget as an output of the cell, with a line below it for errors of its handlers. A second output has no height:
 * its script shows the still picture wherever JupyterLab says "model not found" (the kernel was restarted, the file was
 * opened again).
 */
export function showWidget(widget: Widget): void {
  const { html, text } = widget.still();
  const still = `<div>${html}<small><i>${SENTENCE}</i></small></div>`;
  if (widget.model.id === undefined) {
    display({ "text/html": still, "text/plain": text });
    return;
  }
  const errors = liveHtml();
  catchErrors(widget, (words) => errors.set({ html: words && errorHtml(words), text: words }));
  const view = { version_major: 2, version_minor: 0, model_id: column(widget, errors).model.id };
  display({ [VIEW_MIME]: view, "text/html": still, "text/plain": text });
  display({ "text/html": `<div>${scriptHtml("widget_still", { still })}</div>`, "text/plain": "" });
}

function catchErrors(widget: Widget, line: (words: string) => void): void {
  widget.errorLines.add(line);
  for (const part of widget.parts) catchErrors(part, line);
}

function errorHtml(words: string): string {
  return `<pre class="guie-widget-error" style="padding: 6px 10px; background: rgba(227, 74, 51, .15); white-space: pre-wrap">${escapeHtml(words)}</pre>`;
}
