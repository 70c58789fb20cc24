// The checkpoints of a run folder: `last`, `best`, `epoch_N`, `step_N`, each a safetensors file.
import { copyFileSync, linkSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeAtomically } from "../common/files/files";
import type { CheckpointSettings } from "../config/checkpoints";
import { type Metric, scoresOf } from "./metrics";
import { logLine, runFile } from "./run_folder";

const SUFFIX = ".safetensors";
/** Families of numbered checkpoints; each keeps its newest ones. */
const NUMBERED = ["epoch", "step"] as const;

/** Returns the path of a checkpoint. @param name `last`, `best`, `epoch_2`, `step_1000` */
export function checkpointFile(folder: string, name: string): string {
  return join(folder, name + SUFFIX);
}

/** Lists the names of a run's checkpoints: `best` and `last`, then the numbered ones, each family oldest first. */
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

/** Tells whether a number (from 1) is a multiple of `n`; 0 = never. */
export function isDue(number: number, n: number): boolean {
  return number > 0 && n > 0 && number % n === 0;
}

/**
 * Tells whether an epoch has the highest score so far: mP@5 on held-out classes, or top-1 if `bestBy` says so or no
 * classes are held out. `bestOf` selects the raw weights or an average; epochs without that average do not count. Among
 * equal scores, the first stays the best.
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

/**
 * Keeps `last` under a second name, deletes checkpoints beyond `keepCheckpoints`, and logs both. A hard link is enough,
 * because checkpoints are replaced, never written to.
 */
export async function keepLastAs(
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

/** Deletes all but the newest `keep` of each numbered family (0 = keep all). @returns the deleted names */
function prune(folder: string, keep: number): string[] {
  if (keep === 0) return [];
  const names = listCheckpoints(folder);
  const dropped = NUMBERED.flatMap((family) => numbered(names, family).slice(0, -keep));
  for (const name of dropped) rmSync(checkpointFile(folder, name));
  return dropped;
}
