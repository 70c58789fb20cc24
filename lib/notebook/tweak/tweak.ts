// Tweaks a config with the mouse: its schedule, margin, cost and pictures follow, and a button trains it.
import { UserError } from "../../common/errors";
import { escapeHtml } from "../../common/html";
import { type ConfigOverrides, overrideConfig, requireSetting } from "../../config/config";
import { changedSettings, nameOfConfig, presetOf } from "../../config/run_name";
import { valueText } from "../../config/value_text";
import type { RunEstimate } from "../../training/estimate";
import { chartSvg } from "../output/curve_svg";
import { pictureHtml } from "../output/figure";
import { column, liveHtml, row } from "../widgets/boxes";
import type { Control } from "../widgets/control";
import { button } from "../widgets/controls";
import { latest } from "../widgets/latest";
import { errorReporter, type Widget, widgetOf } from "../widgets/widget";
import { configCharts, costText } from "./config_charts";
import { costOfConfigs } from "./config_cost";
import { pictureKey, picturesOfConfigs } from "./config_pictures";
import { type Config, overridesLine } from "./moved_settings";
import { runButtons } from "./run_buttons";

/** Controls by the setting that they move. */
export type SettingControls = {
  [Name in keyof ConfigOverrides]?: Control<NonNullable<ConfigOverrides[Name]>>;
};

/** A config under controls. `show` shows it. */
export interface Tweak extends Widget {
  /** The config with the controls' values, under a name of its own if it differs from the one given. */
  readonly config: Config;
}

/**
 * Returns controls for settings of a config, and what they change: the schedule, the margin's curve, the estimate of time
 * and memory, four training images. Nothing else runs. Each control begins at the config's value, shows the preset's, and
 * resets to it; a range that lacks one of these is widened. The line below is what to paste into the parameters; a button
 * starts the run.
 * @throws UserError for an unknown setting, or a setting that no control moves
 * @example
 * await show(tweak(preset("demo", "frozen"), { margin: slider(0, 0.8), nEpochs: slider(1, 20, { step: 1 }) }));
 */
export async function tweak(config: Config, controls: SettingControls): Promise<Tweak> {
  const all = Object.entries(controls).map(
    ([name, control]) => [requireSetting(name), control as Control<unknown>] as const,
  );
  if (all.length === 0)
    throw new UserError(
      "tweak needs controls; it got none.",
      "Write for example { margin: slider(0, 0.8) }.",
    );
  const base: Config = presetOf(config);
  const rows = all.map(([name, control]) => {
    control.label = name;
    for (const value of [base[name], config[name]]) control.include(value);
    control.value = config[name];
    const reset = button("");
    reset.onClick(() => {
      control.value = base[name];
    });
    const words = () => {
      const isMoved = control.value !== base[name];
      reset.disabled = !isMoved;
      reset.label = `${isMoved ? "↺ " : ""}preset: ${valueText(base[name])}`;
    };
    words();
    return { widget: row(control, reset), words };
  });
  const current = (): Config => {
    const moved = overrideConfig(
      config,
      Object.fromEntries(all.map(([name, control]) => [name, control.value])),
    );
    const isSame = JSON.stringify(moved) === JSON.stringify(config);
    return isSame ? config : overrideConfig(moved, { runName: nameOfConfig(moved) });
  };
  const [drawn, pictures] = [liveHtml(), liveHtml()];
  const [costOf, picturesOf] = [costOfConfigs(), picturesOfConfigs()];
  let drawnPictures = "";
  const drawPictures = async (shown: Config) => {
    if (pictureKey(shown) === drawnPictures) return;
    const drawing = await picturesOf(shown);
    pictures.set({ html: drawing ? withoutScript(drawing.bundle["text/html"]) : "", text: "" });
    drawnPictures = pictureKey(shown);
  };
  /** Draws all but the pictures, in one message. */
  const draw = async () => {
    for (const { words } of rows) words();
    const shown = current();
    const told = tellConfig(shown, await costOf(shown));
    drawn.set({
      html: told.cost + flex(configCharts(shown, base).map(chartSvg)) + told.line,
      text: told.text,
    });
    return shown;
  };
  const root = column(...rows.map(({ widget }) => widget), drawn, pictures, runButtons(current));
  const report = errorReporter(root);
  const drawLast = latest(draw, report);
  const drawLastPictures = latest(() => drawPictures(current()), report);
  for (const [, control] of all) {
    control.onChange(() => {
      void drawLast(undefined);
      void drawLastPictures(undefined);
    });
  }
  const first = await draw();
  await drawPictures(first);
  const values = rows.map(({ widget }) => widget.still());
  const { cost, line } = tellConfig(first, await costOf(first));
  const figures = flex(
    await Promise.all(configCharts(first, base).map((chart) => pictureHtml(chartSvg(chart), chart.title))),
  );
  const html = [...values.map(({ html }) => html), cost, figures, line, pictures.still().html].join("");
  const text = [...values.map(({ text }) => text), drawn.still().text].join("\n");
  const still = () => ({ html, text });
  if (root.model.isOpen()) void loadAhead(first, controls.imageSize?.choices ?? [], picturesOf);
  return Object.defineProperty(widgetOf(root.model, still, [root]) as Tweak, "config", { get: current });
}

/** Loads the pictures of all sizes of a list, which takes half a second each, before somebody chooses one. */
async function loadAhead(
  config: Config,
  sizes: readonly number[],
  picturesOf: ReturnType<typeof picturesOfConfigs>,
): Promise<void> {
  for (const imageSize of sizes) {
    try {
      await picturesOf(overrideConfig(config, { imageSize }));
    } catch {
      return; // it is shown when that size is chosen
    }
  }
}

function flex(parts: readonly string[]): string {
  return `<div style="display: flex; flex-wrap: wrap; gap: 4px 12px">${parts.join("")}</div>`;
}

/** A script does not run inside of a widget. */
function withoutScript(html: unknown): string {
  return String(html).replace(/<script>[\s\S]*<\/script>/, "");
}

/** Returns a config's cost and the line of code to paste, as HTML, and both as text. */
function tellConfig(config: Config, estimate: RunEstimate) {
  const cost = costText(config, estimate);
  const isMoved = Object.keys(changedSettings(config)).length > 0;
  const words = isMoved ? "Keep it: paste this into the parameters: " : "All is as in the preset.";
  const code = isMoved ? overridesLine(config) : "";
  const run = `Start trains it as ${config.runName}.`;
  const codeHtml = code && `<code style="user-select: all">${escapeHtml(code)}</code>`;
  return {
    cost: `<div style="line-height: 1.5">${escapeHtml(cost)}</div>`,
    line: `<div class="jp-RenderedHTMLCommon" style="line-height: 1.5; padding: 0">${words}${codeHtml}<div>${escapeHtml(run)}</div></div>`,
    text: `${cost}\n${words}${code} ${run}`,
  };
}
