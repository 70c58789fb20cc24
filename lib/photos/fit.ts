// From photos to a model and an answer: reads, resizes, holds classes out, climbs the ladder, says which rung is worth it.
import { withSignal } from "../common/interrupt";
import type { TaskOptions } from "../common/progress";
import { TimeLimit } from "../common/time_limit";
import { overrideConfig } from "../config/config";
import { preset } from "../config/presets";
import type { Stage } from "../config/run";
import { leftOutText } from "../datasets/own/left_out";
import type { SourceSettings } from "../datasets/own/own_images";
import { sourcePath } from "../datasets/own/read_own_images";
import { ownNameOf } from "../datasets/own_sets";
import { preparePackaged } from "../pretrained/prepare_model";
import type { ComparisonRow } from "../retrieval/evaluation";
import { climbRungs, type LeftOutRung } from "./climb";
import type { Advice } from "./ladder_advice";
import { type PreparedData, prepareData } from "./prepare_data";

/** Options of `fit`. */
export interface FitOptions extends TaskOptions, SourceSettings {
  /** Name of the data directory `data/<name>` and of the models `<name>_...`. Default: the folder's name. */
  name?: string | undefined;
  /** Preset of backbone and recipe. Default: small. */
  preset?: string | undefined;
  /** Longest time for all that is not done yet; what would take longer is left out. Default: no limit. */
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
  /** The rungs on held-out classes, each compared with the best one below it, and with the backbone (`fromFirst`). */
  rungs: ComparisonRow[];
  /**
   * Where few classes are held out: the rungs that are fitted in seconds, cross-validated over all classes; each class
   * is scored by a model that has not learned it.
   */
  crossValidated: ComparisonRow[];
  advice: Advice;
  /** Rungs that were not climbed, or not cross-validated, and why. */
  leftOut: LeftOutRung[];
}

const THIRD = 1 / 3;

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
  const limit = new TimeLimit(minutes);
  const { imageColumn, classColumn, splitColumn, root, classLevel, pattern } = options;
  const source = { source: photos, imageColumn, classColumn, splitColumn, root, classLevel, pattern };
  await preparePackaged(preset(presetName, "frozen"), { onProgress });
  const data = await prepareData(source, { name, dataset, holdOut, seed, say, onProgress });
  const { dataDir, images, classes, heldOut, notRead } = data;
  say(`${images} photos of ${classes} classes, ${heldOut} of them held out: ${dataDir}`);
  if (notRead.length > 0) say(leftOutText(notRead));
  const configOf = (stage: Stage) => stageConfig(presetName, stage, dataDir, name);
  const ladder = await climbRungs({ name, heldOut, configOf, limit, overwrite, say, onProgress });
  return { name, preset: presetName, ...data, ...ladder };
}

/** Returns the config of one of the two stages. */
function stageConfig(presetName: string, stage: Stage, dataDir: string, name: string) {
  const start = stage === "fine_tune" ? { initFrom: `${name}_frozen` } : {};
  return overrideConfig(preset(presetName, stage), { dataDir, runName: `${name}_${stage}`, ...start });
}
