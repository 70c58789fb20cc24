// The classes of ipywidgets' front end, as its models name them.
import type { State } from "./buffers";
import { modelReference, openModel } from "./model";

const BASE = { _model_module: "@jupyter-widgets/base", _model_module_version: "2.0.0" };
const BASE_VIEW = { _view_module: "@jupyter-widgets/base", _view_module_version: "2.0.0" };
const CONTROLS = { _model_module: "@jupyter-widgets/controls", _model_module_version: "2.0.0" };
const CONTROLS_VIEW = { _view_module: "@jupyter-widgets/controls", _view_module_version: "2.0.0" };

/** Opens a layout and returns the reference to it. `sizes` are CSS values by ipywidgets' names: `{ width: "60%" }`. */
export function layoutOf(sizes: Record<string, string> = {}): string | null {
  const names = { _model_name: "LayoutModel", _view_name: "LayoutView" };
  return modelReference(openModel({ ...BASE, ...BASE_VIEW, ...names, ...sizes }));
}

/** Returns the state of a widget of ipywidgets: `controlState("Checkbox", "CheckboxStyle")`. */
export function controlState(name: string, style: string, sizes: Record<string, string> = {}): State {
  const styleState = { ...CONTROLS, ...BASE_VIEW, _model_name: `${style}Model`, _view_name: "StyleView" };
  const described = style === "ButtonStyle" ? {} : { description_width: "initial" };
  return {
    ...CONTROLS,
    ...CONTROLS_VIEW,
    _model_name: `${name}Model`,
    _view_name: `${name}View`,
    layout: layoutOf(sizes),
    style: modelReference(openModel({ ...styleState, ...described })),
    disabled: false,
  };
}

/** Returns the state of a box, which has no style. */
export function boxState(name: "HBox" | "VBox", sizes: Record<string, string>): State {
  return {
    ...CONTROLS,
    ...CONTROLS_VIEW,
    _model_name: `${name}Model`,
    _view_name: `${name}View`,
    layout: layoutOf(sizes),
    box_style: "",
  };
}

/** Version of anywidget's front end, as requirements.txt pins it. */
const ANYWIDGET_VERSION = "~0.11.*";

/** Returns the state of an anywidget: a widget with code of its own. */
export function anywidgetState(esm: string, css: string): State {
  return {
    _model_module: "anywidget",
    _model_module_version: ANYWIDGET_VERSION,
    _model_name: "AnyModel",
    _view_module: "anywidget",
    _view_module_version: ANYWIDGET_VERSION,
    _view_name: "AnyView",
    _anywidget_id: "guie.widget",
    _esm: esm,
    _css: css,
    layout: layoutOf(),
  };
}
