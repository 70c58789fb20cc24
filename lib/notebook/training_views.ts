// What the Train and Inference notebooks show about runs: settings, schedule, augmentation, ladder.
import { randomStream } from "../common/random";
import type { TrainConfig } from "../config/config";
import { augment, drawAugmentPlan } from "../images/augment";
import { loadImages } from "../images/loader";
import { readRunData } from "../training/data";
import type { LadderRung } from "../training/ladder";
import { learningRate } from "../training/schedule";
import type { Figure } from "./figure";
import { imageGrid } from "./images";
import { barFigure, lineFigure } from "./plots";
import type { Drawing } from "./show";

const SCHEDULE_POINTS = 200;

/** A row per setting, a column per config; settings that differ come first. For `show`. */
export function compareConfigs(configs: Record<string, Readonly<TrainConfig>>): Record<string, unknown>[] {
  const all = Object.entries(configs);
  const settings = Object.keys(all[0]![1]) as (keyof TrainConfig)[];
  const rows = settings.map((setting) => {
    const values = all.map(([, config]) => config[setting]);
    const differs = new Set(values).size > 1;
    return {
      setting,
      ...Object.fromEntries(all.map(([name], i) => [name, values[i]])),
      differs: differs ? "yes" : "",
    };
  });
  return rows.sort((a, b) => b.differs.length - a.differs.length);
}

/**
 * The learning rate of neck and head over each config's run, before it is run. The length of an epoch is not known
 * here and does not matter to the shape.
 */
export function scheduleFigure(configs: Record<string, Readonly<TrainConfig>>): Figure {
  const series = Object.entries(configs).map(([name, config]) => {
    const steps = Math.ceil(SCHEDULE_POINTS / config.nEpochs);
    const points = Array.from({ length: steps * config.nEpochs }, (_, i) => ({
      epoch: Math.floor(i / steps) + 1,
      stepInEpoch: (i % steps) + 1,
    }));
    return {
      name,
      x: points.map((_, i) => (i + 1) / points.length),
      y: points.map((position) => learningRate(config, position, steps)),
    };
  });
  return lineFigure(series, {
    title: "Learning rate of neck and head",
    x: "share of the run",
    y: "learning rate",
  });
}

/** Training images as they are, then as the first epochs of this config will see them: exactly those pixels. */
export async function augmentationGrid(
  config: Readonly<TrainConfig>,
  images: number,
  columns: number,
): Promise<Drawing> {
  const { train } = await readRunData(config);
  const stride = Math.max(1, Math.floor(train.files.length / images));
  const rows = Array.from({ length: images }, (_, i) => i * stride);
  const files = rows.map((row) => train.files.at(row)!);
  const loaded = await loadImages(config.dataDir, files, config.imageSize, config.numWorkers);
  const items = loaded.flatMap((image, i) => {
    const epochs = Array.from({ length: columns - 1 }, (_, place) => place + 1);
    const drawn = epochs.map((epoch) => ({
      image: augment(image, drawAugmentPlan(randomStream(config.seed, "augment", epoch, rows[i]!))),
      caption: `epoch ${epoch}`,
    }));
    return [{ image, caption: "as it is" }, ...drawn];
  });
  return imageGrid(items, { columns });
}

/** The ladder as bars. */
export function ladderFigure(rungs: readonly LadderRung[]): Figure {
  const series = [
    { name: "mP@5", values: rungs.map(({ mp5 }) => mp5) },
    { name: "R@1", values: rungs.map(({ r1 }) => r1) },
  ];
  const words = { title: "Retrieval of held-out classes, rung by rung", x: "", y: "share" };
  return barFigure(
    rungs.map(({ name }) => name.replace("_", "-")),
    series,
    words,
  );
}
