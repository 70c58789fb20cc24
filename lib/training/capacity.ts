// Checks that a run fits this machine: its memory before any computation, its checkpoints before the first step.

import { statfsSync } from "node:fs";
import { totalmem } from "node:os";
import { UserError } from "../common/errors";
import { elementCount } from "../common/vectors";
import type { MemorySettings } from "../config/parts";
import { device } from "../engine/native/device";
import { estimateMemoryBytes, type TableCounts } from "./estimate";

/** Share of the estimate that is certain: estimates are within 15 % of measurements. */
const CERTAIN_SHARE = 0.8;
const FLOAT_BYTES = 4;
/** Number of checkpoints on disk while one is written: the old one stays until the new one is complete. */
const CHECKPOINTS_AT_ONCE = 2;

/**
 * Throws if a run's process needs more memory than this machine has. Runs on a GPU, or with a head sharded over
 * processes, are not checked: they were not measured.
 * @param memoryBytes available memory; default: this machine's, or its container's limit
 */
export function requireMemory(
  config: MemorySettings,
  counts: TableCounts,
  memoryBytes = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY),
): void {
  if (config.shardHead || device().kind === "gpu") return;
  const needed = estimateMemoryBytes(config, counts);
  if (CERTAIN_SHARE * needed <= memoryBytes) return;
  throw new UserError(
    `The run needs about ${gigabytes(needed)} of memory, this machine has ${gigabytes(memoryBytes)}.`,
    "Take a smaller batchSize or more accumulationSteps, gradientCheckpointing, fewer trainedBlocks, a smaller embeddingDim or tower.",
  );
}

/**
 * Throws if the disk has no room for a run's checkpoints.
 * @param shapes shapes of a checkpoint's tensors
 * @param freeBytes available space; default: the space in the run's folder
 */
export function requireDisk(
  folder: string,
  shapes: ReadonlyMap<string, readonly number[]>,
  freeBytes = freeBytesOf(folder),
): void {
  const bytes = [...shapes.values()].reduce((sum, shape) => sum + FLOAT_BYTES * elementCount(shape), 0);
  if (CHECKPOINTS_AT_ONCE * bytes <= freeBytes) return;
  throw new UserError(
    `A checkpoint of this run takes ${gigabytes(bytes)}, and needs that space next to the previous one while it is written; ${folder} has ${gigabytes(freeBytes)} left.`,
    "Make room, or put the run on another disk (a link in checkpoints/).",
  );
}

function freeBytesOf(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

function gigabytes(bytes: number): string {
  const digits = bytes < 1e9 ? 3 : 1;
  return `${(bytes / 1e9).toLocaleString("en", { maximumFractionDigits: digits })} GB`;
}
