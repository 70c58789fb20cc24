// Whether a run fits this machine: its memory before anything is computed, its checkpoints before the first step.
import { statfsSync } from "node:fs";
import { totalmem } from "node:os";
import { UserError } from "../common/errors";
import type { MemorySettings } from "../config/parts";
import { device } from "../engine/native/device";
import { elementCount } from "../formats/safetensors_header";
import { estimateMemoryBytes, type TableCounts } from "./estimate";

/** The estimate is within 15 % of what was measured: what is refused lies clearly above. */
const CERTAIN_SHARE = 0.8;
const FLOAT_BYTES = 4;
/** A checkpoint is written under another name beside the one that it replaces. */
const CHECKPOINTS_AT_ONCE = 2;

/**
 * Refuses a run whose process needs more memory than this machine has. One on a GPU, or that shares its head out among
 * processes, is not judged: nothing was measured there.
 * @param memoryBytes what there is; default: this machine's, or what its container may take
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
 * Refuses a run for whose checkpoints the disk has no room.
 * @param shapes of all that a checkpoint holds
 * @param freeBytes what there is; default: what is free in the run's folder
 */
export function requireDisk(
  folder: string,
  shapes: ReadonlyMap<string, readonly number[]>,
  freeBytes = freeBytesOf(folder),
): void {
  const bytes = [...shapes.values()].reduce((sum, shape) => sum + FLOAT_BYTES * elementCount(shape), 0);
  if (CHECKPOINTS_AT_ONCE * bytes <= freeBytes) return;
  throw new UserError(
    `A checkpoint of this run takes ${gigabytes(bytes)}, and stands beside the one before while it is written; ${folder} has ${gigabytes(freeBytes)} left.`,
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
