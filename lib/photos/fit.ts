// From photos to a model and an answer: reads, resizes, holds classes out, climbs the ladder, says which rung is worth it.
import { withSignal } from "../common/interrupt";
import { formatSeconds, type TaskOptions } from "../common/progress";
import { overrideConfig } from "../config/config";
import type { EstimateSettings } from "../config/parts";
import { preset } from "../config/presets";
import type { RunSettings, Stage } from "../config/run";
import type { OwnSource } from "../datasets/own/own_images";
import { sourcePath } from "../datasets/own/read_own_images";
import { ownNameOf } from "../datasets/own_sets";
import { compareOnHeldOut } from "../experiments/compare";
import { preparePackaged } from "../pretrained/prepare_model";
import type { ComparisonRow } from "../retrieval/evaluation";
import { isFinished, runFolder } from "../runs/run_folder";
import { estimateRun, type RunEstimate } from "../training/estimate";
import { crossValidateRungs, quickFits } from "./cross_validated";
import { type Advice, adviceOf } from "./ladder_advice";
import { type PreparedData, prepareData } from "./prepare_data";
import { trainStage } from "./train_stage";
import { tryTransform } from "./transforms";

/** Options of `fit`. */
export interface FitOptions extends TaskOptions, Omit<OwnSource, "source" | "labels"> {
  /** Name of the data directory `data/<name>` and of the models `<name>_...`. Default: the folder's name. */
  name?: string | undefined;
  /** Preset of backbone and recipe. Default: small. */
  preset?: string | undefined;
  /** Longest time for all that is not done yet; rungs that would take longer are left out. Default: no limit. */
  minutes?: number | undefined;
  /** Share of the classes to hold out, 0..1. Default: a third. */
  holdOut?: number;
  seed?: number;
  /** One of the fourteen data sets whose layout the photos have; default: their own. */
  dataset?: string | undefined;
  /** Replace trained runs of these names that were made of other photos or settings. */
  overwrite?: boolean | undefined;
  /** Receives lines for people as the work goes on. */
  say?: (line: string) => void;
}

/** Result of `fit`. */
export interface FitReport extends PreparedData {
  name: string;
  preset: string;
  /** The rungs on held-out classes, each compared with the best one below it. */
  rungs: ComparisonRow[];
  /**
   * Where few classes are held out: the rungs that are fitted in seconds, cross-validated over all classes; each class
   * is scored by a model that has not learned it.
   */
  crossValidated: ComparisonRow[];
  advice: Advice;
  /** Rungs that were not climbed, and why. */
  leftOut: { model: string; reason: string }[];
}

const TITLES = {
  whitened: "whitening",
  lda: "LDA",
  frozen: "a neck on frozen features",
  fine_tune: "fine-tuning",
};
type Rung = keyof typeof TITLES;
const THIRD = 1 / 3;
/** Below this number of held-out classes the rungs are cross-validated, too. */
const FEW_CLASSES = 20;

/**
 * Fits models to photos with classes, and tells which is worth it on classes that none of them has seen: the pretrained
 * backbone, whitened, LDA, a neck on its frozen features, fine-tuned. A later call with the same photos goes on where an
 * earlier one ended.
 * @param photos a folder or a table, as `images` takes it
 * @throws UserError if the photos have no classes or too few, or if `name` belongs to other photos
 * @example
 * const { advice } = await fit("photos", { name: "shop", minutes: 10 });
 */
export async function fit(photos: string, options: FitOptions = {}): Promise<FitReport> {
  const { name = ownNameOf(sourcePath(photos)), signal, ...rest } = options;
  return withSignal(signal, () => climb(photos, { name, ...rest }));
}

async function climb(photos: string, options: FitOptions & { name: string }): Promise<FitReport> {
  const { name, preset: presetName = "small", holdOut = THIRD, seed = 999, dataset, onProgress } = options;
  const { minutes = Number.POSITIVE_INFINITY, overwrite, say = () => {} } = options;
  const endMs = performance.now() + minutes * 60_000;
  const { imageColumn, classColumn, splitColumn, root, classLevel, pattern } = options;
  const source = { source: photos, imageColumn, classColumn, splitColumn, root, classLevel, pattern };
  await preparePackaged(preset(presetName, "frozen"), { onProgress });
  const data = await prepareData(source, { name, dataset, holdOut, seed, say, onProgress });
  const configOf = (stage: Stage) => stageConfig(presetName, stage, data.dataDir, name);
  say(`${data.images} photos of ${data.classes} classes, ${data.heldOut} of them held out: ${data.dataDir}`);
  const frozen = overrideConfig(configOf("frozen"), { holdOutShare: 0 });
  const nameOf = (rung: Rung) => `${name}_${rung}`;
  const climbed: Rung[] = [];
  const leftOut: FitReport["leftOut"] = [];
  const leave = (rung: Rung, reason: string) => leftOut.push({ model: nameOf(rung), reason });

  for (const kind of ["whitened", "lda"] as const) {
    const reason = await tryTransform({ name: nameOf(kind), kind, config: frozen, overwrite, onProgress });
    if (reason === undefined) climbed.push(kind);
    else leave(kind, reason);
  }
  for (const stage of ["frozen", "fine_tune"] as const) {
    const isBaseMissing = stage === "fine_tune" && !climbed.includes("frozen");
    const reason = isBaseMissing
      ? `it starts from ${nameOf("frozen")}`
      : await whyTooLong(configOf(stage), endMs, say);
    if (reason === undefined) {
      await trainStage(configOf(stage), { overwrite, onProgress, say });
      climbed.push(stage);
    } else leave(stage, reason);
  }
  const pixels = await compareOnHeldOut(frozen, ["pixels"], { onProgress }); // shown, but no rung to use
  const models = ["backbone", ...climbed.map(nameOf)];
  const rungs = await compareOnHeldOut(frozen, models, { against: "best", onProgress });
  const fits = quickFits(frozen);
  const quick = climbed.filter((rung) => rung !== "fine_tune");
  const validated = Object.fromEntries(quick.map((rung) => [nameOf(rung), fits[rung]]));
  const crossValidated =
    data.heldOut < FEW_CLASSES
      ? await crossValidateRungs(frozen, { backbone: fits.backbone, ...validated }, { onProgress })
      : [];
  const titles = Object.fromEntries(climbed.map((rung) => [nameOf(rung), TITLES[rung]]));
  const advice = adviceOf(rungs, crossValidated, titles);
  return { name, preset: presetName, ...data, rungs: [...pixels, ...rungs], crossValidated, advice, leftOut };
}

/** Returns the reason why a run does not fit into the time that is left; undefined if it does. */
async function whyTooLong(
  config: EstimateSettings & RunSettings,
  endMs: number,
  say: (line: string) => void,
): Promise<string | undefined> {
  if (isFinished(runFolder(config.runName))) return undefined;
  const estimate = await estimateRun(config);
  const seconds = secondsOf(estimate);
  const leftSeconds = (endMs - performance.now()) / 1000;
  say(
    `${config.runName}: about ${formatSeconds(seconds)} and ${estimate.memoryMB.toLocaleString("en-US")} MB`,
  );
  if (seconds <= leftSeconds) return undefined;
  return `it takes about ${formatSeconds(seconds)}, ${formatSeconds(Math.max(0, leftSeconds))} are left`;
}

/** Sums the parts of an estimate; the comparison evaluates once more. */
function secondsOf({ featureSeconds = 0, trainingSeconds = 0, evaluationSeconds = 0 }: RunEstimate): number {
  return featureSeconds + trainingSeconds + 2 * evaluationSeconds;
}

/** Returns the config of one of the two stages. */
function stageConfig(presetName: string, stage: Stage, dataDir: string, name: string) {
  const start = stage === "fine_tune" ? { initFrom: `${name}_frozen` } : {};
  return overrideConfig(preset(presetName, stage), { dataDir, runName: `${name}_${stage}`, ...start });
}
