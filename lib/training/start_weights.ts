// The initial weights of a run: fresh, from a backbone's file, or from another run. Shapes: F features, C classes.
import { UserError } from "../common/errors";
import { randomStream } from "../common/random";
import type { ClassRowSettings } from "../config/model";
import type { FirstWeightSettings } from "../config/parts";
import { tf } from "../engine/native/tf";
import { towerWeights } from "../model/backbone";
import { dataSetNumbers, headShapes, initialHeadValues, marginShares, rowsPerClass } from "../model/head";
import type { Tower } from "../model/tower";
import { requireTowerWeights } from "../model/tower_weights";
import { patchGrid } from "../model/towers";
import type { Weights } from "../model/vit";
import {
  DATA_SET_NAME,
  HEAD_WEIGHT,
  isOfHead,
  isOfTower,
  MARGIN_SHARE_NAME,
  TOWER_PREFIX,
} from "../model/weight_names";
import { toTensors, type WeightSource, withoutPrefix } from "../model/weight_source";
import { findCheckpoint } from "../runs/checkpoint_ref";
import { runWeights } from "../runs/run_weights";
import { refuseLearnedClasses } from "./data/choice_classes";
import { requireDataSets } from "./data/data_set_order";
import type { RunData } from "./data/run_data";
import { headRows, withHeadRows } from "./head_rows";

/**
 * Returns the initial weights of neck and head: fresh, or from the checkpoint that `initFrom` names (its head only
 * without `reinitHead`). The classes' data sets are always those of `data`.
 * @throws UserError if that checkpoint has other classes, features or lengths, or the data have no data sets
 */
export function headStartWeights(config: FirstWeightSettings, featureCount: number, data: RunData): Weights {
  const shapes = headShapes(config, featureCount, data.classCount);
  const isFresh = (name: string) => name === DATA_SET_NAME || (config.reinitHead && isOfHead(name));
  const isTaken = (name: string) => config.initFrom !== "" && !isFresh(name);
  const values = initialHeadValues(shapes, randomStream(config.seed, "neck and head"));
  if (config.classSizeMargin) values[MARGIN_SHARE_NAME] = marginShares(classSizes(data));
  if (config.heads === "by_data_set")
    values[DATA_SET_NAME] = dataSetNumbers(
      requireDataSets(data.train, "the training table", "heads = by_data_set"),
    );
  const fresh = Object.entries(values)
    .filter(([name]) => !isTaken(name))
    .map(([name, value]) => [name, tf.tensor(value, shapes[name])]);
  if (config.initFrom === "") return Object.fromEntries(fresh);
  const checkpoint = findCheckpoint(config.initFrom);
  refuseLearnedClasses(checkpoint.folder, config, data);
  const stored = runWeights(checkpoint, (name) => Object.hasOwn(shapes, name) && isTaken(name));
  const known = (stored.shapes.get(HEAD_WEIGHT)?.[0] ?? 0) / rowsPerClass(config);
  const rows = config.reinitHead ? undefined : headRows(checkpoint.folder, known, config, data);
  const source = rows ? withHeadRows(stored, rows, rowsPerClass(config)) : stored;
  for (const name of Object.keys(shapes).filter(isTaken)) {
    refuseOtherShape(checkpoint.path, name, source.shapes.get(name), shapes[name]!, config);
  }
  return { ...Object.fromEntries(fresh), ...toTensors(source) };
}

/**
 * Checks a tensor's shape in the checkpoint that a run starts from or resumes.
 * @throws UserError if the shapes differ; the message says if the number of classes differs
 */
export function refuseOtherShape(
  path: string,
  name: string,
  found: readonly number[] | undefined,
  expected: readonly number[],
  config: ClassRowSettings,
): void {
  if (found?.join() === expected.join()) return;
  const isHead = name === HEAD_WEIGHT && found?.[1] === expected[1];
  if (found && isHead) {
    const [before, now] = [found, expected].map(([rows]) => rows! / rowsPerClass(config));
    throw new UserError(
      `${path} knows ${before} classes, the training table has ${now}.`,
      "Train on the earlier table; or give --reinit-head: neck and backbone are kept, the head starts afresh.",
    );
  }
  throw new UserError(
    `${path}: expected ${name} of shape [${expected}], found ${found ? `[${found}]` : "none"}.`,
    "The run must have the same features, neck, head and embedding length.",
  );
}

/**
 * Opens the initial weights of the tower: from the checkpoint that `initFrom` names if that run has trained them,
 * otherwise from the tower's file.
 */
export function towerStartWeights(config: FirstWeightSettings, tower: Tower): WeightSource {
  if (config.initFrom === "") return towerWeights(config, tower);
  const checkpoint = findCheckpoint(config.initFrom);
  const source = withoutPrefix(TOWER_PREFIX, runWeights(checkpoint, isOfTower));
  if (source.shapes.size === 0) {
    source.close();
    return towerWeights(config, tower);
  }
  const tensors = new Map(
    [...source.shapes].map(([name, shape]) => [name, { dtype: "F32" as const, shape: [...shape] }]),
  );
  const next = "Start from a run of the same tower and imageSize.";
  requireTowerWeights(
    checkpoint.path,
    tensors,
    { ...tower, positionGrid: patchGrid(tower, config.imageSize) },
    next,
  );
  return source;
}

/** Counts the training images of each class, [C]. */
function classSizes({ train, classCount }: RunData): number[] {
  const sizes = new Array<number>(classCount).fill(0);
  for (let i = 0; i < train.labels.length; i++) sizes[train.labels[i]!]!++;
  return sizes;
}
