// Model soups: a model with the mean weights of several runs or checkpoints. Wortsman et al., "Model soups", ICML 2022,
// https://arxiv.org/abs/2203.05482.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../common/errors";
import { writeJson } from "../common/files/files";
import type { ProgressOptions } from "../common/progress";
import { overrideConfig } from "../config/config";
import type { ComparisonSettings, RunDataSettings, WeightMeaningSettings } from "../config/parts";
import { type CheckpointRef, findCheckpoint } from "../runs/checkpoint_ref";
import { learnedBy, writeTrainedImages } from "../runs/learned_classes";
import type { ScoredOn } from "../runs/metrics";
import { readRunConfig } from "../runs/run_folder";
import { learnedClasses, nameChanges, readNote, writeNote } from "../runs/run_note";
import { runWeights } from "../runs/run_weights";
import { scoredOn } from "../runs/scored_on";
import { type ChoiceClasses, choiceDifferences } from "../training/data/choice_classes";
import { readRetrievalFiles, readRunData } from "../training/data/read_run_data";
import type { RetrievalFiles } from "../training/data/run_data";
import { type AveragePart, makeAverageRun, requireAlike, writeAverageRun } from "./average_run";
import { scoreModel } from "./ladder";

/** One of the given checkpoints. */
export interface Ingredient {
  /** Its name as given. */
  checkpoint: string;
  /** Its own mP@5, if the soup was chosen by scores. */
  mp5?: number;
  /** True if it is in the soup. */
  taken: boolean;
}

/** A soup: the folder of a run that was never trained. */
export interface Soup {
  folder: string;
  ingredients: Ingredient[];
  /** mP@5 of the soup on the classes that it was chosen by, if it was chosen by scores. */
  mp5?: number;
  chosenOn?: ChoiceClasses;
  /** The data of that score. */
  on?: ScoredOn;
}

/** Settings that determine the meaning of weights: they must be equal in all ingredients. */
const MEANING = [
  "stage",
  "tower",
  "imageSize",
  "resizeMode",
  "lastBlocks",
  "patchPooling",
  "gemPower",
  "standardise",
  "neck",
  "embeddingDim",
  "head",
  "subCentres",
] as const;

/** Settings of a run that is averaged and scored. */
export type SoupSettings = WeightMeaningSettings & RunDataSettings & ComparisonSettings;

/** A checkpoint that is averaged. */
export interface Member extends CheckpointRef {
  /** As it was given. */
  name: string;
  config: Readonly<SoupSettings>;
}

/** Returns the checkpoint of that name. @throws UserError if there is none */
export function memberOf(name: string): Member {
  const ref = findCheckpoint(name);
  return { ...ref, name, config: readRunConfig(ref.folder) };
}

/**
 * Writes the mean of checkpoints' weights as a run `checkpoints/<out>/`, which can be evaluated, exported, and started
 * from like any other.
 * @param names checkpoints as `findCheckpoint` takes them, at least two
 * @param options.greedy start with the best by mP@5, and add the others, from best to worst, if the soup is no worse
 *   with them (the paper's recipe 1). Scores are on the training classes that the runs held out (`holdOutShare`), or,
 *   if they held out none, on those of `retrieval/`, which then can no longer serve for reporting the soup
 * @param options.overwrite replace a run of that name, once the soup is complete
 * @throws UserError if the checkpoints are of different kinds, or `out` exists: a run without `overwrite`; one of
 *   `names` or anything else in any case
 * @example
 * const { folder } = await makeSoup(["demo_a", "demo_b/best"], "demo_soup");
 */
export async function makeSoup(
  names: readonly string[],
  out: string,
  options: { greedy?: boolean; overwrite?: boolean } & ProgressOptions = {},
): Promise<Soup> {
  if (names.length < 2)
    throw new UserError(`A soup needs at least two checkpoints, got ${names.join(" ") || "none"}.`);
  const members = names.map(memberOf);
  for (const member of members) refuseOther(members[0]!, member);
  const config = overrideConfig(readRunConfig(members[0]!.folder), { runName: out, loraRank: 0 });
  const inputs = members.map(({ path }) => path);
  return makeAverageRun(out, { ...options, inputs }, (making) =>
    fillFolder(making, members, config, options),
  );
}

async function fillFolder(
  folder: string,
  members: readonly Member[],
  config: SoupSettings,
  { greedy = false, onProgress }: { greedy?: boolean } & ProgressOptions,
): Promise<Omit<Soup, "folder">> {
  const { taken, scores, ...choice } = greedy
    ? await chooseGreedily(members, folder, config, { onProgress })
    : { taken: members, scores: new Map<Member, number>() };
  const ingredients = members.map((member) => ({
    checkpoint: member.name,
    mp5: scores.get(member),
    taken: taken.includes(member),
  }));
  await writeSoup(taken, folder, config);
  noteSoup(taken, folder);
  writeJson(join(folder, "soup.json"), { ingredients, ...choice });
  return { ingredients, ...choice };
}

/** @throws UserError if two checkpoints differ in a setting of MEANING, or in their held-out classes */
function refuseOther(first: Member, other: Member): void {
  const fixed = first.config.stage === "frozen" ? ([...MEANING, "weights"] as const) : MEANING;
  const differences = fixed.filter((setting) => first.config[setting] !== other.config[setting]);
  const learned = choiceDifferences(first.config, other.config);
  if (learned.length > 0) {
    throw new UserError(
      `${first.name} and ${other.name} cannot be averaged: one has learned classes that the other holds out (${learned.join("; ")}).`,
      "Take runs with the same holdOutShare and seed, or runs with none.",
    );
  }
  if (differences.length === 0) return;
  const words = differences.map((name) => `${name} ${first.config[name]} and ${other.config[name]}`);
  throw new UserError(
    `${first.name} and ${other.name} cannot be averaged: they differ in ${words.join(", ")}.`,
    "Take checkpoints of one architecture, best of runs that started from the same weights.",
  );
}

/** Writes the mean of the members' weights as the last checkpoint of a run that has ended. */
async function writeSoup(members: readonly Member[], folder: string, config: SoupSettings): Promise<void> {
  const parts: AveragePart[] = [];
  try {
    for (const member of members) parts.push({ name: member.name, source: runWeights(member), share: 1 });
    requireAlike(parts);
    for (const member of members) refuseOtherClasses(members[0]!, member);
    await writeAverageRun(folder, config, parts);
  } finally {
    for (const { source } of parts) source.close();
  }
}

/** @throws UserError if the rows of two heads belong to different classes, as far as noted */
function refuseOtherClasses(first: Member, other: Member): void {
  const [one, two] = [first, other].map(({ folder }) => readNote(folder));
  if (!one || !two) return;
  const [classes, others] = [learnedClasses(one), learnedClasses(two)];
  const unnamed = one.table.sha256 === two.table.sha256 ? "" : "of other tables, without names";
  const changes = classes && others ? nameChanges(classes, others) : unnamed;
  if (changes === "") return;
  throw new UserError(
    `${first.name} and ${other.name} cannot be averaged: the rows of their heads are other classes (${changes}).`,
    "Take runs that were trained on the same table.",
  );
}

/** Notes that a soup has learned everything that its members have. It gets no note if a member has none. */
export function noteSoup(members: readonly Member[], folder: string): void {
  const notes = members.map(({ folder }) => readNote(folder));
  const [first] = notes;
  if (!first || notes.includes(undefined)) return;
  const { start: _, ...note } = first;
  const before = new Set(notes.flatMap((one) => one?.learnedBefore ?? []));
  const isUnknown = notes.some((one) => one?.startIsUnknown);
  writeNote(folder, {
    ...note,
    learnedBefore: before.size > 0 ? [...before] : undefined,
    startIsUnknown: isUnknown ? true : undefined,
  });
  const { dataDir } = members[0]!.config;
  const alike = members.filter(({ config }) => config.dataDir === dataDir);
  const images = alike.flatMap((member) => [...(learnedBy(member.folder)?.images ?? [])]);
  writeTrainedImages(folder, [], images);
}

interface Choice {
  taken: Member[];
  scores: Map<Member, number>;
  mp5: number;
  chosenOn: ChoiceClasses;
  on: ScoredOn;
}

/** Reads the retrieval set to choose a soup by. @throws UserError if there are no held-out classes */
export async function choiceFiles(config: SoupSettings): Promise<[ChoiceClasses, RetrievalFiles]> {
  const [chosenOn, files] =
    config.holdOutShare > 0
      ? (["training-classes", (await readRunData(config)).retrieval] as const)
      : (["held-out-classes", await readRetrievalFiles(config.dataDir)] as const);
  if (files) return [chosenOn, files];
  throw new UserError(
    `Expected held-out classes below ${config.dataDir}/retrieval: there are none to choose by.`,
    "Leave --greedy out: the plain mean needs none.",
  );
}

async function chooseGreedily(
  members: readonly Member[],
  folder: string,
  config: SoupSettings,
  { onProgress }: ProgressOptions,
): Promise<Choice> {
  const [chosenOn, files] = await choiceFiles(config);
  const scoreOf = async (name: string) => (await scoreModel(config, name, files, { onProgress })).mp5;
  const scores = new Map<Member, number>();
  for (const member of members) scores.set(member, await scoreOf(member.name));
  const [best, ...rest] = [...members].sort((a, b) => scores.get(b)! - scores.get(a)!);
  const on = scoredOn(files, config, undefined);
  const choice: Choice = { taken: [best!], scores, mp5: scores.get(best!)!, chosenOn, on };
  const candidate = join(folder, "candidate");
  try {
    for (const member of rest) {
      await writeSoup([...choice.taken, member], candidate, config);
      const mp5 = await scoreOf(candidate);
      if (mp5 < choice.mp5) continue;
      choice.taken.push(member);
      choice.mp5 = mp5;
    }
  } finally {
    rmSync(candidate, { recursive: true, force: true });
  }
  return choice;
}
