// The weights between a pretrained tower and a fine-tuned one, and what each of them has gained and forgotten.
// Wortsman et al., "Robust fine-tuning of zero-shot models" (WiSE-FT), CVPR 2022, https://arxiv.org/abs/2109.01903.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../common/errors";
import { writeJson } from "../common/files/files";
import { cacheFolder } from "../common/files/kept_folder";
import type { ProgressOptions } from "../common/progress";
import { overrideConfig } from "../config/config";
import { BACKBONE } from "../embedding/find_model";
import { towerWeights } from "../model/backbone";
import { findTower } from "../model/towers";
import { isOfTower, TOWER_PREFIX } from "../model/weight_names";
import { joinSources, withPrefix } from "../model/weight_source";
import { type ComparisonRow, compareModels, type ModelVectors } from "../retrieval/evaluation";
import { readRunConfig } from "../runs/run_folder";
import { runWeights } from "../runs/run_weights";
import type { ChoiceClasses } from "../training/data/choice_classes";
import type { RetrievalFiles } from "../training/data/run_data";
import { type AveragePart, makeAverageRun, requireAlike, writeAverageRun } from "./average_run";
import { heldOutFiles, modelVectors } from "./ladder";
import { choiceFiles, type Member, memberOf, noteSoup, type SoupSettings } from "./soup";

/** The scores of a line on one data directory. */
export interface WiseScores {
  dataDir: string;
  /** For the run's own data: its held-out training classes, or those of `retrieval/`; undefined for other data. */
  classes: ChoiceClasses | undefined;
  /** The untrained backbone first, then the models of the line; differences are from the backbone. */
  rows: ComparisonRow[];
}

/** The line between a pretrained tower and a run's, scored. */
export interface WiseLine {
  run: string;
  /** 0 is the pretrained tower, 1 the run's; the neck is the run's throughout. */
  alphas: readonly number[];
  /** The run's own data first. */
  scores: WiseScores[];
}

/** Options of `wiseLine`. */
export interface WiseOptions extends ProgressOptions {
  /** Numbers from 0 to 1. Default: 0, 0.2, ... 1. */
  alphas?: readonly number[];
  /** Other data directories with held-out classes. */
  dataDirs?: readonly string[];
}

/** Data on which a line is scored. */
interface Scored {
  config: Readonly<SoupSettings>;
  files: RetrievalFiles;
  classes: ChoiceClasses | undefined;
}

const SIXTHS = [0, 0.2, 0.4, 0.6, 0.8, 1];

/**
 * Scores the towers (1 - alpha) x pretrained + alpha x fine-tuned, with the run's neck, on the run's own held-out
 * classes and on those of other data directories: what fine-tuning has gained, and what it has forgotten.
 * @param run a fine-tuned run, as `findCheckpoint` takes it
 * @throws UserError if the run is not a fine-tuned one, or a directory has no held-out classes
 * @example
 * const line = await wiseLine("demo_fine_tune", { alphas: [0, 0.5, 1], dataDirs: ["data/grocery"] });
 */
export async function wiseLine(
  run: string,
  { alphas = SIXTHS, dataDirs = [], onProgress }: WiseOptions = {},
): Promise<WiseLine> {
  const member = fineTuned(run);
  for (const alpha of alphas) requireAlpha(alpha);
  const scored = await scoredData(member, dataDirs);
  const vectors: ModelVectors[][] = [];
  for (const { config, files } of scored)
    vectors.push([await modelVectors({ ...config, standardise: false }, BACKBONE, files, { onProgress })]);
  mkdirSync(cacheFolder(), { recursive: true });
  const scratch = mkdtempSync(join(cacheFolder(), "wise-"));
  try {
    for (const alpha of alphas) {
      const folder = join(scratch, String(alpha));
      await writePoint(member, alpha, folder);
      for (const [i, { config, files }] of scored.entries()) {
        const ofPoint = await modelVectors(config, folder, files, { onProgress });
        vectors[i]!.push({ ...ofPoint, name: `alpha ${alpha}`, learned: undefined });
      }
      rmSync(folder, { recursive: true });
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  const scores: WiseScores[] = [];
  for (const [i, { config, files, classes }] of scored.entries()) {
    const labels = { queryLabels: files.queries.labels, indexLabels: files.index.labels, own: files.own };
    scores.push({ dataDir: config.dataDir, classes, rows: await compareModels(vectors[i]!, labels) });
  }
  return { run, alphas, scores };
}

/** Reads the run's own held-out classes and those of other data directories. */
async function scoredData(member: Member, dataDirs: readonly string[]): Promise<Scored[]> {
  const [classes, files] = await choiceFiles(member.config);
  const others = dataDirs.map(async (dataDir) => ({
    config: { ...member.config, dataDir, holdOutShare: 0 },
    files: await heldOutFiles(dataDir),
    classes: undefined,
  }));
  return [{ config: member.config, files, classes }, ...(await Promise.all(others))];
}

/**
 * Writes one model of the line as a run, which can be evaluated, exported and started from like any other.
 * @returns its folder
 * @throws UserError if the run is not a fine-tuned one, or `out` exists
 * @example
 * await takeWise("demo_fine_tune", 0.6, "demo_wise");
 */
export async function takeWise(
  run: string,
  alpha: number,
  out: string,
  { overwrite }: { overwrite?: boolean | undefined } = {},
): Promise<string> {
  const member = fineTuned(run);
  requireAlpha(alpha);
  const { folder } = await makeAverageRun(out, { overwrite, inputs: [member.path] }, async (making) => {
    await writePoint(member, alpha, making, out);
    noteSoup([member], making);
    const ingredients = [
      { checkpoint: BACKBONE, share: 1 - alpha, taken: true },
      { checkpoint: run, share: alpha, taken: true },
    ];
    writeJson(join(making, "soup.json"), { ingredients });
    return {};
  });
  return folder;
}

/** Writes the run between the pretrained tower and a fine-tuned run's. */
async function writePoint(member: Member, alpha: number, folder: string, runName = "wise"): Promise<void> {
  const config = overrideConfig(readRunConfig(member.folder), { runName, loraRank: 0 });
  const tower = findTower(config.tower);
  const { shapes: ofTower, ...pretrained } = withPrefix(TOWER_PREFIX, towerWeights(config, tower));
  const own = runWeights(member);
  const shapes = new Map([...ofTower].filter(([name]) => own.shapes.has(name)));
  const start = joinSources(
    runWeights(member, (name) => !isOfTower(name)),
    { ...pretrained, shapes },
  );
  const parts: AveragePart[] = [
    { name: BACKBONE, source: start, share: 1 - alpha },
    { name: member.name, source: own, share: alpha },
  ];
  try {
    requireAlike(parts);
    await writeAverageRun(folder, config, parts);
  } finally {
    for (const { source } of parts) source.close();
  }
}

function requireAlpha(alpha: number): void {
  if (alpha >= 0 && alpha <= 1) return;
  throw new UserError(
    `alpha is a number from 0 to 1, got ${alpha}.`,
    "0 is the pretrained tower, 1 the run.",
  );
}

/** Finds a fine-tuned run. @throws UserError for another one */
function fineTuned(run: string): Member {
  const member = memberOf(run);
  if (member.config.stage === "fine_tune") return member;
  throw new UserError(
    `${run} has trained neck and head only: its tower is the pretrained one.`,
    "Give a fine-tuned run.",
  );
}
