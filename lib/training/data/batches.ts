// Batches of training steps: images or cached features. Shapes: B batch, S image side, F features.
import { pickLabels } from "../../common/labels";
import { randomStream } from "../../common/random";
import type { Texts } from "../../common/texts";
import { pickRows, type Vectors } from "../../common/vectors";
import { augmentationRows } from "../../config/augmentation";
import type { BatchSourceSettings } from "../../config/parts";
import { dataFolder } from "../../config/paths";
import { drawAugmentPlan } from "../../images/loading/augment_plan";
import { PixelLoader } from "../../images/loading/pixel_loader";
import type { Normalisation } from "../../images/loading/value_table";
import type { Position } from "../step/schedule";
import { epochLength, type PassRow, rowsOf } from "./epoch_rows";
import type { LabelledFiles, TrainingFiles } from "./run_data";
import { ONE_PROCESS } from "./samplers";
import type { TarRows } from "./tar_rows";

/** Inputs with their classes. */
export interface Batch {
  /** Normalised pixels [B, S, S, 3] or features [B, F], flat. */
  inputs: Float32Array;
  shape: number[];
  /** [B] */
  labels: Int32Array;
  /** The images, for messages. */
  files: string[];
}

/** Batches by position. Every step of every epoch can be requested, so a resumed run is exact. */
export interface BatchSource {
  stepsPerEpoch: number;
  batchAt(position: Position): Promise<Batch>;
  /**
   * Reuses a batch's memory: nobody may read its inputs afterwards. Without this call, the garbage collector frees it.
   */
  release?(batch: Batch): void;
}

function labelsOf(table: LabelledFiles<Texts>, rows: readonly PassRow[]): Pick<Batch, "labels" | "files"> {
  return {
    labels: pickLabels(
      table.labels,
      rows.map(({ row }) => row),
    ),
    files: rows.map(({ row }) => table.files.at(row)!),
  };
}

/** Returns batches of cached features, [N, F]. @param featureRows the row of the features for each row of the table */
export function featureBatches(
  config: BatchSourceSettings,
  table: TrainingFiles,
  features: Vectors,
  featureRows: Int32Array,
  shard = ONE_PROCESS,
): BatchSource {
  const rowsAt = rowsOf(config, table, shard);
  return {
    stepsPerEpoch: epochLength(config, table.files.length, shard.worldSize).steps,
    async batchAt(position) {
      const rows = rowsAt(position);
      const { labels, files } = labelsOf(table, rows);
      const { data: inputs } = pickRows(
        features,
        rows.map(({ row }) => featureRows[row]!),
      );
      return { inputs, shape: [files.length, features.length], labels, files };
    },
  };
}

/**
 * Returns batches of augmented images. Every row of every epoch has its own random stream. Other threads prepare the
 * following batches during a training step.
 * @param tars reads the images from tars, in their order; default: from files, in the sampler's order
 */
export function imageBatches(
  config: BatchSourceSettings,
  table: TrainingFiles,
  normalisation: Normalisation,
  shard = ONE_PROCESS,
  tars?: TarRows,
): BatchSource {
  const rowsAt = rowsOf(config, table, shard);
  const { steps } = epochLength(config, table.files.length, shard.worldSize);
  const loader = new PixelLoader({ ...config, dataDir: dataFolder(config) }, normalisation);
  const recipe = augmentationRows(config.augmentation);
  const prepare = async (position: Position): Promise<Batch> => {
    const { rows, contents } = tars ? tars.at(position) : { rows: rowsAt(position) };
    const { labels, files } = labelsOf(table, rows);
    const plans = rows.map(({ row, pass }) =>
      drawAugmentPlan(randomStream(config.seed, "augment", pass, row), recipe, config.imageSize),
    );
    const inputs = await loader.load(files, plans, contents);
    return { inputs, shape: [files.length, config.imageSize, config.imageSize, 3], labels, files };
  };
  return {
    stepsPerEpoch: steps,
    batchAt: withLookahead(prepare, config.nEpochs, steps),
    release: ({ inputs }) => loader.release(inputs),
  };
}

/** Batches prepared ahead of the requested one, so that the loader's threads never idle between two. */
const BATCHES_AHEAD = 2;

/** Wraps `prepare` so that the batches after the requested one are prepared ahead. */
function withLookahead(
  prepare: (position: Position) => Promise<Batch>,
  epochs: number,
  steps: number,
): (position: Position) => Promise<Batch> {
  let ahead = new Map<string, Promise<Batch>>();
  return (position) => {
    const wanted = new Map<string, Promise<Batch>>();
    let next = position;
    for (let i = 0; i <= BATCHES_AHEAD && (i === 0 || next.epoch <= epochs); i++) {
      const key = `${next.epoch}/${next.stepInEpoch}`;
      const batch = ahead.get(key) ?? prepare(next);
      batch.catch(() => {}); // reported when the batch is requested, not as an unhandled rejection
      wanted.set(key, batch);
      next = nextPosition(next, steps);
    }
    ahead = wanted;
    return wanted.get(`${position.epoch}/${position.stepInEpoch}`)!;
  };
}

/** Returns the position one step later. */
function nextPosition({ epoch, stepInEpoch }: Position, steps: number): Position {
  return stepInEpoch < steps ? { epoch, stepInEpoch: stepInEpoch + 1 } : { epoch: epoch + 1, stepInEpoch: 1 };
}

/** Returns the position of a step that is counted over the whole run, from 1. */
export function positionOf(step: number, steps: number): Position {
  return { epoch: Math.floor((step - 1) / steps) + 1, stepInEpoch: ((step - 1) % steps) + 1 };
}
