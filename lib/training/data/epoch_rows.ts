// The length of an epoch, and the rows of its steps in the order of the sampler.
import type { EpochSettings } from "../../config/optimiser";
import type { BatchSourceSettings, SamplerSettings } from "../../config/parts";
import type { Position } from "../step/schedule";
import { dataSetOrder } from "./data_set_order";
import type { TrainingFiles } from "./run_data";
import { epochOrder, rowsOfStep, type Shard } from "./samplers";

/** The length of an epoch. */
export interface EpochLength {
  /** Whole batches in an epoch, at most `maxStepsPerEpoch`; the last, smaller one is dropped. */
  steps: number;
  /** Number of times that the epoch goes through the rows. */
  passes: number;
}

/**
 * Returns the length of an epoch over N rows: one pass, or as many as `leastSteps` needs.
 * @param worldSize number of processes
 */
export function epochLength(
  config: SamplerSettings & EpochSettings,
  rowCount: number,
  worldSize: number,
): EpochLength {
  const { samplesPerClass: m, batchSize, nEpochs, leastSteps, maxStepsPerEpoch } = config;
  const rows = config.sampler === "m_per_class" ? rowCount - (rowCount % m) : rowCount;
  const step = batchSize * worldSize;
  const wanted = Math.ceil(leastSteps / nEpochs) * step;
  const passes = rows > 0 ? Math.max(1, Math.ceil(wanted / rows)) : 1;
  const whole = Math.floor((rows * passes) / step);
  return { steps: maxStepsPerEpoch > 0 ? Math.min(whole, maxStepsPerEpoch) : whole, passes };
}

/** A row of the table, and the pass in which it is seen, from 1 over the whole run; its augmentation depends on both. */
export interface PassRow {
  row: number;
  pass: number;
}

/** Returns a function from a position to the rows of a process's batch. */
export function rowsOf(
  config: BatchSourceSettings,
  table: TrainingFiles,
  shard: Shard,
): (position: Position) => PassRow[] {
  const { batchSize, accumulationSteps } = config;
  const rowCount = table.labels.length;
  const { steps, passes } = epochLength(config, rowCount, shard.worldSize);
  const isBySet = config.dataSetSampling !== "rows";
  // more passes than an epoch can go through any row
  const passesOfEpoch = isBySet ? steps * batchSize * shard.worldSize : passes;
  const orderOf = remembered((epoch: number) =>
    isBySet
      ? dataSetOrder(config, table, epoch, steps, shard)
      : Array.from({ length: passes }, (_, i) =>
          epochOrder(config, table.labels, (epoch - 1) * passes + i + 1, shard).map(
            (row) => i * rowCount + row,
          ),
        ).flat(),
  );
  return ({ epoch, stepInEpoch }) =>
    rowsOfStep(orderOf(epoch), batchSize, stepInEpoch, shard, accumulationSteps).map((number) =>
      passRow(number, rowCount, (epoch - 1) * passesOfEpoch),
    );
}

/**
 * Returns the row that a number of an epoch's order stands for.
 * @param number the row, plus `rowCount` for each earlier pass of the epoch
 * @param passesBefore passes of earlier epochs
 */
export function passRow(number: number, rowCount: number, passesBefore: number): PassRow {
  return { row: number % rowCount, pass: passesBefore + Math.floor(number / rowCount) + 1 };
}

/** Returns the function with its last result kept. */
export function remembered<T>(compute: (key: number) => T): (key: number) => T {
  let last: { key: number; value: T } | undefined;
  return (key) => {
    if (last?.key !== key) last = { key, value: compute(key) };
    return last.value;
  };
}
