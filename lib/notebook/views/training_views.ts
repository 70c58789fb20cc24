// Views of configs: settings, schedule, estimates.
import { formatSeconds } from "../../common/progress";
import { type ConfigOverrides, SETTING_NAMES, type SettingName } from "../../config/config";
import type { MarginSettings } from "../../config/loss";
import type { ScheduleSettings } from "../../config/optimiser";
import type { EstimateSettings } from "../../config/parts";
import { preset } from "../../config/presets";
import type { RunSettings } from "../../config/run";
import { changedSettings, presetOf } from "../../config/run_name";
import { isOfRows, shownText, valueText } from "../../config/value_text";
import { estimateRun } from "../../training/estimate";
import { learningRate, marginOf } from "../../training/step/schedule";
import type { Figure } from "../output/figure";
import { lineFigure, sideBySide } from "../output/plots";

/** A config to show: all of it, or some settings of a preset. */
type ShownConfig = ConfigOverrides & Pick<RunSettings, "configName" | "stage">;

const SCHEDULE_POINTS = 200;
/** Settings that name runs: other names are no changes of a preset. */
const RUN_NAMES: readonly SettingName[] = ["runName", "initFrom"];

/**
 * Returns a table for `show`: a row per setting, a column per config, and the presets' value where a config overrides
 * it. Overridden settings come first, then the main ones, then those in which the configs differ.
 * @example
 * show(compareConfigs({ frozen: preset("demo", "frozen"), fineTune: preset("demo", "fine_tune") }));
 */
export function compareConfigs(configs: Record<string, ShownConfig>): Record<string, unknown>[] {
  const all = Object.entries(configs);
  const presets = all.map(([, { configName, stage }]) => preset(configName, stage));
  const rows = SETTING_NAMES.map((setting) => {
    const values = all.map(([, config]) => config[setting]);
    const presetValues = presets.map((config) => config[setting]);
    const isChanged = !RUN_NAMES.includes(setting) && differ([values, presetValues]);
    const differs = differ(values);
    return {
      setting,
      ...Object.fromEntries(all.map(([name], i) => [name, cellOf(values[i])])),
      "the preset's": isChanged
        ? (differ(presetValues) ? presetValues : presetValues.slice(0, 1)).map(valueText).join(" | ")
        : "",
      differs: differs ? "yes" : "",
      rank: Number(isChanged) * 4 + Number(MAIN_SETTINGS.includes(setting)) * 2 + Number(differs),
    };
  });
  return rows.sort((a, b) => b.rank - a.rank).map(({ rank, ...row }) => row);
}

/** Settings that a run's description always shows. */
const MAIN_SETTINGS = [
  "dataDir",
  "tower",
  "imageSize",
  "s",
  "margin",
  "initLr",
  "backboneLrFactor",
  "nEpochs",
  "maxStepsPerEpoch",
  "batchSize",
  "seed",
  "initFrom",
] as SettingName[];

/**
 * Returns "demo, frozen: dataDir data/demo, ..., margin 0.2 (preset: 0.4), ...": the main settings, and every other one
 * that differs from the preset.
 */
export function settingsText(config: ShownConfig): string {
  const { configName, stage } = config;
  const presetConfig: ShownConfig = presetOf(config);
  const changed = Object.keys(changedSettings(config)) as SettingName[];
  const shown = MAIN_SETTINGS.filter((name) => config[name] !== "" || changed.includes(name));
  const texts = [...new Set([...shown, ...changed])].map((name) => {
    const value = `${name} ${shownValue(config[name])}`;
    return changed.includes(name) ? `${value} (preset: ${shownValue(presetConfig[name])})` : value;
  });
  return `${configName}, ${stage}: ${texts.join(", ")}`;
}

function shownValue(value: ConfigOverrides[SettingName]): string {
  return shownText(value);
}

/** Returns a value as a table shows it: lists of rows as text. */
export function cellOf(value: unknown): unknown {
  return isOfRows(value) ? valueText(value) : value;
}

/** Returns whether values differ; lists are compared by content. */
export function differ(values: readonly unknown[]): boolean {
  return new Set(values.map((value) => JSON.stringify(value))).size > 1;
}

/**
 * Estimates memory and time of each config's run, from the tables and from this machine's speed of matrix products,
 * which is measured for a second. Returns a row per run for `show`.
 * @example
 * show(await estimateRuns({ frozen: preset("demo", "frozen") }));
 */
export async function estimateRuns(
  configs: Record<string, EstimateSettings>,
): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  for (const [run, config] of Object.entries(configs)) {
    const { featureSeconds, trainingSeconds, evaluationSeconds, ...rest } = await estimateRun(config);
    const seconds = [featureSeconds, trainingSeconds, evaluationSeconds];
    const total = seconds.reduce<number>((sum, some) => sum + (some ?? Number.NaN), 0);
    rows.push({
      run,
      together: inWords(total),
      "memory, MB": rest.memoryMB,
      features: inWords(featureSeconds),
      training: inWords(trainingSeconds),
      evaluation: inWords(evaluationSeconds),
      steps: rest.steps,
      "images/s": Number(rest.imagesPerSecond.toPrecision(3)),
      "million weights": rest.parameters / 1e6,
      trained: rest.trained / 1e6,
    });
  }
  return rows;
}

function inWords(seconds: number | undefined): string {
  return seconds === undefined || Number.isNaN(seconds) ? "" : formatSeconds(seconds);
}

/**
 * Draws the learning rate of neck and head, and the margin, over each config's run before it starts. The length of an
 * epoch is not known here and does not matter for the shape.
 * @example
 * show(scheduleFigure({ frozen: preset("demo", "frozen") }));
 */
export function scheduleFigure(configs: Record<string, ScheduleSettings & MarginSettings>): Figure {
  const plotted = Object.entries(configs).map(([name, config]) => {
    const steps = Math.ceil(SCHEDULE_POINTS / config.nEpochs);
    const points = Array.from({ length: steps * config.nEpochs }, (_, i) => ({
      epoch: Math.floor(i / steps) + 1,
      stepInEpoch: (i % steps) + 1,
    }));
    const x = points.map((_, i) => (i + 1) / steps);
    return {
      rate: {
        name: `${name}: peak ${config.initLr}`,
        colourKey: name,
        x,
        y: points.map((position) => learningRate(config, position, steps) / config.initLr),
      },
      margin: { name, x, y: points.map(({ epoch }) => marginOf(config, epoch)) },
    };
  });
  return sideBySide(
    lineFigure(
      plotted.map(({ rate }) => rate),
      { title: "Learning rate of neck and head", x: "epochs", y: "share of its peak" },
    ),
    lineFigure(
      plotted.map(({ margin }) => margin),
      { title: "Margin", x: "epochs", y: "margin, radians", fromZero: true },
    ),
  );
}
