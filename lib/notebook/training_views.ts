// What the Train and Inference notebooks show about runs: settings, schedule, ladder.
import { formatSeconds } from "../common/progress";
import type { TrainConfig } from "../config/config";
import { estimateRun } from "../training/estimate";
import { learningRate, marginOf } from "../training/schedule";
import type { Figure } from "./figure";
import { lineFigure, sideBySide } from "./plots";

const SCHEDULE_POINTS = 200;

/** A row per setting, a column per config; settings that differ come first. For `show`. */
export function compareConfigs(configs: Record<string, Readonly<TrainConfig>>): Record<string, unknown>[] {
  const all = Object.entries(configs);
  const settings = Object.keys(all[0]![1]) as (keyof TrainConfig)[];
  const rows = settings.map((setting) => {
    const values = all.map(([, config]) => config[setting]);
    const differs = differ(values);
    return {
      setting,
      ...Object.fromEntries(all.map(([name], i) => [name, values[i]])),
      differs: differs ? "yes" : "",
    };
  });
  return rows.sort((a, b) => b.differs.length - a.differs.length);
}

/** Whether not all values are the same; lists by what they hold. */
export function differ(values: readonly unknown[]): boolean {
  return new Set(values.map((value) => JSON.stringify(value))).size > 1;
}

/**
 * What each config's run will take, a row a run: memory and time, estimated from the tables and from this machine's
 * rate of matrix products, which is measured for a second. For `show`.
 */
export async function estimateRuns(
  configs: Record<string, Readonly<TrainConfig>>,
): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  for (const [run, config] of Object.entries(configs)) {
    const { featureSeconds, trainingSeconds, evaluationSeconds, ...rest } = await estimateRun(config);
    const seconds = [featureSeconds, trainingSeconds, evaluationSeconds];
    const total = seconds.reduce<number>((sum, some) => sum + (some ?? Number.NaN), 0);
    rows.push({
      run,
      "million weights": rest.parameters / 1e6,
      trained: rest.trained / 1e6,
      "memory, MB": rest.memoryMB,
      "images/s": Number(rest.imagesPerSecond.toPrecision(3)),
      steps: rest.steps,
      ...{ features: inWords(featureSeconds), training: inWords(trainingSeconds) },
      ...{ evaluation: inWords(evaluationSeconds), together: inWords(total) },
    });
  }
  return rows;
}

function inWords(seconds: number | undefined): string {
  return seconds === undefined || Number.isNaN(seconds) ? "" : formatSeconds(seconds);
}

/**
 * The learning rate of neck and head, and the margin, over each config's run, before it is run. The length of an epoch
 * is not known here and does not matter to the shape.
 */
export function scheduleFigure(configs: Record<string, Readonly<TrainConfig>>): Figure {
  const plotted = Object.entries(configs).map(([name, config]) => {
    const steps = Math.ceil(SCHEDULE_POINTS / config.nEpochs);
    const points = Array.from({ length: steps * config.nEpochs }, (_, i) => ({
      epoch: Math.floor(i / steps) + 1,
      stepInEpoch: (i % steps) + 1,
    }));
    const x = points.map((_, i) => (i + 1) / steps);
    return {
      rate: {
        ...{ name: `${name}: peak ${config.initLr}`, of: name, x },
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
