// The checkpoints of a run folder: `last`, `best`, `epoch_N`, `step_N`, each a safetensors file.
import { copyFileSync, linkSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeAtomically } from "../common/files/files";
import type { CheckpointSettings } from "../config/checkpoints";
import { type Metric, scoresOf } from "./metrics";
import { logLine, runFile } from "./run_folder";

const SUFFIX = ".safetensors";
/** Families of numbered checkpoints; each keeps its newest. */
const NUMBERED = ["epoch", "step"] as const;

/** The file of a checkpoint. @param name `last`, `best`, `epoch_2`, `step_1000` */
export function checkpointFile(folder: string, name: string): string {
  return join(folder, name + SUFFIX);
}

/** Names of a run's checkpoints: `best` and `last` first, then the numbered ones, each family from its oldest. */
export function listCheckpoints(folder: string): string[] {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith(SUFFIX))
    .map((name) => name.slice(0, -SUFFIX.length));
  const named = ["best", "last"].filter((name) => names.includes(name));
  return [...named, ...NUMBERED.flatMap((family) => numbered(names, family))];
}

function numbered(names: readonly string[], family: string): string[] {
  const numberOf = (name: string) => Number(name.slice(family.length + 1));
  return names
    .filter((name) => name.startsWith(`${family}_`) && Number.isInteger(numberOf(name)))
    .sort((a, b) => numberOf(a) - numberOf(b));
}

/** Whether a number, from 1, is one of every `n`; 0 = never. */
export function isDue(number: number, n: number): boolean {
  return number > 0 && n > 0 && number % n === 0;
}

/**
 * Whether an epoch has the highest score so far: mP@5 on held-out classes, or top-1 where that is asked for or no
 * classes are held out; of the weights or the average that `bestOf` names, in the epochs in which there is one. The
 * first of equal ones stays the best.
 */
export function isBest(
  metrics: readonly Metric[],
  epoch: number,
  { bestBy, bestOf }: Pick<CheckpointSettings, "bestBy" | "bestOf">,
): boolean {
  const retrievals = metrics.filter((metric) => metric.kind === "retrieval");
  const all: { epoch: number; score: number | undefined }[] =
    bestBy === "mp5" && retrievals.length > 0
      ? retrievals.map((metric) => ({ epoch: metric.epoch, score: scoresOf(metric, bestOf)?.mp5 }))
      : metrics
          .filter((metric) => metric.kind === "validation")
          .map((metric) => ({ epoch: metric.epoch, score: scoresOf(metric, bestOf)?.top1 }));
  const scores = all.flatMap(({ epoch, score }) => (score === undefined ? [] : [{ epoch, score }]));
  const now = scores.find((one) => one.epoch === epoch);
  return now !== undefined && scores.every((one) => one.epoch >= epoch || one.score < now.score);
}

/** Gives `last` a second name. Checkpoints are replaced and never written to, so a hard link will do. */
export async function keepLast(
  folder: string,
  { keepCheckpoints }: Pick<CheckpointSettings, "keepCheckpoints">,
  name: string,
): Promise<void> {
  await writeAtomically(checkpointFile(folder, name), (temporary) =>
    linkOrCopy(runFile(folder, "last"), temporary),
  );
  const dropped = prune(folder, keepCheckpoints);
  const notes = dropped.length > 0 ? `; dropped ${dropped.join(" ")}` : "";
  logLine(folder, `Checkpoint ${name}; there are: ${listCheckpoints(folder).join(" ")}${notes}`);
}

function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to); // some network and FAT file systems have no hard links
  }
}

/** Deletes all but the newest `keep` of each numbered family (0 = none), and says which. */
function prune(folder: string, keep: number): string[] {
  if (keep === 0) return [];
  const names = listCheckpoints(folder);
  const dropped = NUMBERED.flatMap((family) => numbered(names, family).slice(0, -keep));
  for (const name of dropped) rmSync(checkpointFile(folder, name));
  return dropped;
}
