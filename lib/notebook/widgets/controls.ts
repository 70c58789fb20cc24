// Controls of a cell: slider, checkbox, dropdown, text, button.
import { UserError } from "../../common/errors";
import { escapeHtml } from "../../common/html";
import { type Control, makeControl, type ValueKind } from "./control";
import { controlState } from "./ipywidgets";
import { latest } from "./latest";
import { openModel } from "./model";
import { errorReporter, type Still, type Widget, widgetOf } from "./widget";

/** Options of every control. */
export interface ControlOptions<T> {
  /** First value. */
  value?: T;
  /** The words beside it. */
  label?: string;
}

/** Options of a slider. */
export interface SliderOptions extends ControlOptions<number> {
  /** Smallest change. Default: whole numbers from a range of 20 on, else a hundredth of the range. */
  step?: number;
  /** Equal steps multiply the value, for rates: `slider(1e-4, 1e-1, { log: true })`. */
  log?: boolean;
}

const SLIDER_WIDTH = { width: "420px" };
/** Steps of a logarithmic slider per factor of ten. */
const STEPS_PER_DECADE = 20;
const WHOLE_RANGE = 20;

/**
 * Returns a slider from `min` to `max`. Its number can be typed too.
 * @throws UserError for a range that is empty, or a value outside of it
 * @example
 * const margin = slider(0, 0.8, { step: 0.05, value: 0.4 });
 * margin.onChange((value) => console.log(value));
 * await show(margin);
 */
export function slider(min: number, max: number, options: SliderOptions = {}): Control<number> {
  const { log = false, value = min, label = "" } = options;
  const isRange = Number.isFinite(min) && Number.isFinite(max) && min < max && !(log && min <= 0);
  if (!isRange)
    throw new UserError(
      `A slider needs a smaller and a larger number${log ? " above 0" : ""}; it got ${min} and ${max}.`,
      `Write for example slider(${log ? "1e-4, 1e-1, { log: true }" : "0, 0.8"}).`,
    );
  const whole = Number.isInteger(min) && Number.isInteger(max);
  const { step = whole && max - min >= WHOLE_RANGE ? 1 : (max - min) / 100 } = options;
  if (!(step > 0))
    throw new UserError(`A slider's step is above 0; it got ${step}.`, "Leave it out, or give one.");
  const range = log
    ? { min: Math.log10(min), max: Math.log10(max), step: 1 / STEPS_PER_DECADE, base: 10 }
    : { min, max, step };
  const digits = Math.min(6, Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)));
  const state = {
    ...controlState(log ? "FloatLogSlider" : "FloatSlider", "SliderStyle", SLIDER_WIDTH),
    ...range,
    readout: true,
    readout_format: log ? ".2g" : whole && Number.isInteger(step) ? "d" : `.${digits}f`,
    continuous_update: true,
    orientation: "horizontal",
    behavior: "drag-tap",
  };
  return makeControl(state, numberKind(min, max, log, range.step), {
    value,
    label,
  });
}

/** Significant digits of a value that was dragged: a slider's steps are sums of binary fractions. */
const DIGITS = 12;
const LOG_DIGITS = 2;

function numberKind(least: number, most: number, log: boolean, step: number): ValueKind<number> {
  let [min, max] = [least, most];
  const onSlider = (value: number) => (log ? Math.log10(value) : value);
  const place = (value: number) => (onSlider(value) - onSlider(min)) / (onSlider(max) - onSlider(min));
  return {
    check(value) {
      if (value >= min && value <= max) return value;
      throw new UserError(
        `The slider goes from ${min} to ${max}; ${value} is not between them.`,
        "Give it a wider range, or another value.",
      );
    },
    widen(value) {
      if (log && value <= 0) return {};
      [min, max] = [Math.min(min, value), Math.max(max, value)];
      return { min: onSlider(min), max: onSlider(max) };
    },
    toState: (value) => ({ value }),
    fromState: ({ value }) => value as number,
    // A page rounds a value between two steps as soon as it shows it; limits keep all their digits.
    tidy: (value, before) =>
      Math.abs(onSlider(value) - onSlider(before)) < step / 2
        ? before
        : value === min || value === max
          ? value
          : Number(value.toPrecision(log ? LOG_DIGITS : DIGITS)),
    still: (value, label) => ({
      html: line(label, `${rail(place(value))} ${value} <small>(${min} to ${max})</small>`),
      text: `${named(label)}${value} (${min} to ${max})`,
    }),
  };
}

/**
 * Returns a checkbox.
 * @example
 * const standardise = checkbox({ label: "standardise", value: true });
 */
export function checkbox(options: ControlOptions<boolean> = {}): Control<boolean> {
  const { value = false, label = "" } = options;
  return makeControl<boolean>(
    { ...controlState("Checkbox", "CheckboxStyle"), indent: false },
    {
      check: Boolean,
      toState: (value) => ({ value }),
      fromState: ({ value }) => value as boolean,
      still: (value, label) => ({
        html: line("", `${value ? "☑" : "☐"} ${escapeHtml(label)}`),
        text: `${value ? "[x]" : "[ ]"} ${label}`,
      }),
    },
    { value, label },
  );
}

/**
 * Returns a list to choose one of.
 * @throws UserError for an empty list, or a value that is not in it
 * @example
 * const schedule = dropdown(["original", "cosine"], { label: "schedule" });
 */
export function dropdown<T extends string | number | boolean>(
  list: readonly T[],
  options: ControlOptions<T> = {},
): Control<T> {
  if (list.length === 0)
    throw new UserError("A dropdown needs something to choose from; its list is empty.", "Give it values.");
  const choices = [...list];
  const { value = choices[0]!, label = "" } = options;
  const control = makeControl<T>(
    { ...controlState("Dropdown", "DescriptionStyle"), _options_labels: choices.map(String) },
    {
      check(value) {
        if (choices.includes(value)) return value;
        throw new UserError(`"${value}" is not in the list ${choices.join(", ")}.`, "Choose one of these.");
      },
      widen(value) {
        if (!choices.includes(value)) choices.push(value);
        return { _options_labels: choices.map(String) };
      },
      toState: (value) => ({ index: choices.indexOf(value) }),
      fromState: ({ index }) => choices[index as number]!,
      still: (value, label) =>
        stillOf(label, `${value}`, ` <small>(of ${escapeHtml(choices.join(", "))})</small>`),
    },
    { value, label },
  );
  return Object.assign(control, { choices });
}

/**
 * Returns a line to type text into.
 * @example
 * const name = text({ label: "class", value: "apple" });
 */
export function text(options: ControlOptions<string> & { placeholder?: string } = {}): Control<string> {
  const { value = "", label = "", placeholder = "" } = options;
  return makeControl<string>(
    { ...controlState("Text", "TextStyle"), placeholder, continuous_update: true },
    {
      check: String,
      toState: (value) => ({ value }),
      fromState: ({ value }) => value as string,
      still: (value, label) => stillOf(label, value || placeholder),
    },
    { value, label },
  );
}

/** A button. */
export interface Button extends Widget {
  label: string;
  disabled: boolean;
  /** Calls `handler` at every click; clicks while a call is under way count as one. */
  onClick(handler: () => unknown): () => void;
}

/**
 * Returns a button.
 * @example
 * const again = button("Draw again");
 * again.onClick(() => console.log("drawn"));
 */
export function button(
  label: string,
  options: { style?: "" | "primary" | "danger"; tooltip?: string } = {},
): Button {
  const { style = "", tooltip = null } = options;
  const handlers = new Set<(value: undefined) => Promise<void>>();
  const model = openModel(
    {
      ...controlState("Button", "ButtonStyle", { width: "max-content" }),
      description: label,
      button_style: style,
      icon: "",
      tooltip,
    },
    { onMessage: () => Promise.all([...handlers].map((tell) => tell(undefined))) },
  );
  const words = () => String(model.state.description);
  const widget = widgetOf(model, () => ({
    html: line(
      "",
      `<span style="border: 1px solid; padding: 1px 8px; opacity: .7">${escapeHtml(words())}</span>`,
    ),
    text: `[${words()}]`,
  }));
  const report = errorReporter(widget);
  return Object.defineProperties(widget as Button, {
    label: { get: words, set: (label: string) => model.set({ description: label }) },
    disabled: {
      get: () => model.state.disabled,
      set: (disabled: boolean) => model.set({ disabled }),
    },
    onClick: {
      value: (handler: () => unknown) => {
        const tell = latest(handler, report);
        handlers.add(tell);
        return () => handlers.delete(tell);
      },
    },
  });
}

function named(label: string): string {
  return label ? `${label}: ` : "";
}

function stillOf(label: string, value: string, after = ""): Still {
  return { html: line(label, `${escapeHtml(value)}${after}`), text: `${named(label)}${value}` };
}

/** Returns a line of HTML; `content` is HTML. */
function line(label: string, content: string): string {
  return `<div style="margin: 2px 0">${escapeHtml(named(label))}${content}</div>`;
}

/** Returns a slider's picture, with its handle at a share (0..1) of its length. */
function rail(place: number): string {
  const percent = (100 * Math.min(1, Math.max(0, place))).toFixed(1);
  return (
    `<span style="display: inline-block; width: 160px; height: 4px; border-radius: 2px; vertical-align: middle; background: rgba(128, 128, 128, .3)">` +
    `<span style="display: block; width: ${percent}%; height: 4px; border-radius: 2px; background: #4c78a8"></span></span>`
  );
}
