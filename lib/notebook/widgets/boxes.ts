// Widgets that hold others, and pieces of HTML that change.
import { boxState, controlState } from "./ipywidgets";
import { modelReference, openModel } from "./model";
import { type Still, type Widget, widgetOf } from "./widget";

/**
 * Returns widgets side by side; those that do not fit go to the next line.
 * @example
 * await show(row(slider(0, 1), checkbox({ label: "log" })));
 */
export function row(...parts: Widget[]): Widget {
  return boxOf("HBox", parts, { flex_flow: "row wrap", align_items: "center" });
}

/**
 * Returns widgets below each other.
 * @example
 * await show(column(slider(0, 1), button("Start")));
 */
export function column(...parts: Widget[]): Widget {
  return boxOf("VBox", parts, {});
}

function boxOf(name: "HBox" | "VBox", parts: readonly Widget[], sizes: Record<string, string>): Widget {
  const children = parts.map(({ model }) => modelReference(model));
  const model = openModel({ ...boxState(name, sizes), children });
  const still = () => {
    const stills = parts.map((part) => part.still());
    const style = name === "HBox" ? "display: flex; flex-wrap: wrap; gap: 4px 16px; align-items: center" : "";
    return {
      html: `<div style="${style}">${stills.map(({ html }) => html).join("")}</div>`,
      text: stills
        .map(({ text }) => text)
        .filter((text) => text !== "")
        .join(name === "HBox" ? "  " : "\n"),
    };
  };
  return widgetOf(model, still, parts);
}

/** A piece of HTML that changes in place. */
export interface LiveHtml extends Widget {
  /** Replaces it. `html` is shown as it is: escape what others wrote. */
  set(content: Still): void;
}

/** Returns a piece of HTML that changes in place, in every tab and after a reload of the page. */
export function liveHtml(
  first: Still = { html: "", text: "" },
  sizes: Record<string, string> = {},
): LiveHtml {
  let shown = first;
  const model = openModel({
    ...controlState("HTML", "HTMLStyle", sizes),
    value: first.html,
    placeholder: "",
  });
  return Object.assign(
    widgetOf(model, () => shown),
    {
      set(content: Still) {
        if (content.html !== shown.html) model.set({ value: content.html });
        shown = content;
      },
    },
  );
}
