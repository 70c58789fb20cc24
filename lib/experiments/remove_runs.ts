// Deletes runs, sweeps and models without training from `checkpoints/`; never data.
import { existsSync, lstatSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { UserError } from "../common/errors";
import { type Claim, claim, ownedText } from "../common/files/claim";
import { bytesBelow } from "../common/files/disk_use";
import { dropPlace, endDeletions, type MadeKind, obstacleIn, settleReplaced } from "../common/files/replace";
import { listTransforms, TRANSFORM_FOLDER } from "../embedding/transform_model";
import { seekCheckpoint } from "../runs/checkpoint_ref";
import {
  hasCheckpoint,
  isFinished,
  listRuns,
  missingRun,
  readRunConfig,
  runFolder,
  runsHome,
} from "../runs/run_folder";
import { RUN_FOLDER, trainerOf } from "../runs/start_folder";

/** Something to delete from `checkpoints/`. */
export interface Removal {
  name: string;
  what: "run" | "sweep" | "model without training";
  folder: string;
  /** The room that it takes on disk. */
  bytes: number;
  /** The consequence for others: "demo_fine_tune started from it: its baseline goes with it"; or "". */
  note: string;
}

/**
 * Returns what deleting some runs, sweeps or models without training would delete. Nothing is changed.
 * @param names names below `checkpoints/`: `demo_margin0.2_frozen`, `demo_sweep`, `demo_sweep/initLr_0.01`
 * @throws UserError for a name without a run; a folder that holds anything else; a run that is under way, or that a run
 *   that has not finished or a whitened model needs
 */
export function planRemoval(names: readonly string[]): Removal[] {
  const found = [...new Set(names)].map((name) => ({ name, folder: placeOf(name) }));
  const folders = found.map(({ folder }) => folder);
  return found.map(({ name, folder }) => {
    const what = kindOf(name, folder);
    for (const place of [folder, ...(what === "sweep" ? runsOf(folder) : [])]) refuseOwned(place);
    return { name, what, folder, bytes: bytesBelow(folder), note: dependants(name, folder, folders) };
  });
}

/**
 * Deletes what `planRemoval` planned: each folder is renamed first, and then deleted. The next call ends deletions that
 * were killed.
 * @returns the bytes freed
 * @throws UserError if one of them has begun to train since: then nothing is deleted
 */
export function removeRuns(removals: readonly Removal[]): number {
  const claims: Claim[] = [];
  try {
    for (const { folder, what } of removals) claims.push(claim(folder, `The ${what}`));
    for (const { folder } of removals) {
      settleReplaced(folder, () => hasCheckpoint(folder));
      if (existsSync(folder)) dropPlace(folder);
    }
  } finally {
    for (const { release } of claims) release();
  }
  endDeletions(runsHome());
  return removals.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Lists the sweeps and searches below `checkpoints/`: folders that hold runs. */
export function listSweeps(): string[] {
  if (!existsSync(runsHome())) return [];
  return readdirSync(runsHome())
    .filter((name) => !name.startsWith(".") && runsOf(join(runsHome(), name)).length > 0)
    .sort();
}

/** Returns the folders of the runs in a folder; [] for a file, and for a run. */
export function runsOf(folder: string): string[] {
  if (!lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() || RUN_FOLDER.isMade(folder)) return [];
  return readdirSync(folder)
    .filter((name) => !name.startsWith("."))
    .map((name) => join(folder, name))
    .filter((path) => RUN_FOLDER.isMade(path));
}

/** Returns the folder of a name. @throws UserError if it is not below checkpoints/, or nothing is there */
function placeOf(name: string): string {
  const folder = [runFolder(name), join(runsHome(), name)].find((path) => existsSync(path));
  if (folder === undefined) throw missingRun(name);
  const below = relative(runsHome(), folder);
  if (below !== "" && !below.startsWith("..")) return folder;
  throw new UserError(
    `${folder} is not below ${runsHome()}: nothing else is deleted.`,
    "`npx guie runs` lists the runs.",
  );
}

/** Recognises a folder. @throws UserError if it holds anything else */
function kindOf(name: string, folder: string): Removal["what"] {
  const found = lstatSync(folder);
  const isSweep = found.isDirectory() && runsOf(folder).length > 0;
  const [what, kind]: [Removal["what"], MadeKind] = TRANSFORM_FOLDER.isMade(folder)
    ? ["model without training", TRANSFORM_FOLDER]
    : isSweep
      ? ["sweep", SWEEP_FOLDER]
      : ["run", RUN_FOLDER];
  const obstacle = obstacleIn(folder, kind, found);
  if (!obstacle) return what;
  throw new UserError(`${name}: ${folder} ${obstacle}. It stays as it is.`, "Move away what is not a run.");
}

/** A folder with runs, and the table of a search over them. */
const SWEEP_FOLDER: MadeKind = {
  what: "a sweep",
  isFolder: true,
  parts: [
    /^search\.(csv|md)$/,
    /^[^./][^/]*\/$/,
    ...RUN_FOLDER.parts!.map(({ source }) => new RegExp(`^[^/]+/${source.slice(1)}`)),
  ],
  isMade: (path) => runsOf(path).length > 0,
};

function refuseOwned(folder: string): void {
  const owner = trainerOf(folder);
  if (!owner) return;
  throw new UserError(
    ownedText(folder, "The run", owner),
    'Stop it first (Ctrl-C, or attachRun("...").stop() in a notebook), or wait for its end.',
  );
}

/**
 * Tells which runs began with the weights in a folder, and keep only their own.
 * @param going folders that are deleted together
 * @throws UserError if a run that has not finished, or a whitened model, needs them
 */
function dependants(name: string, folder: string, going: readonly string[]): string {
  const needs = (reference: string) => {
    const start = reference === "" ? undefined : startOf(reference);
    return start !== undefined && isWithin(start, folder);
  };
  const others = [
    ...listRuns().map(runFolder),
    ...listSweeps().flatMap((sweep) => runsOf(join(runsHome(), sweep))),
  ]
    .filter((other) => !going.some((gone) => isWithin(other, gone)))
    .filter((other) => needs(initFromOf(other)));
  const models = listTransforms().filter(
    (model) => "run" in model.base && needs(model.base.run) && !going.includes(model.folder),
  );
  const waiting = others.filter((other) => !isFinished(other)).map(nameOf);
  const needed = [
    ...waiting.map((run) => `${run}, which has not finished`),
    ...models.map((model) => model.name),
  ];
  if (needed.length > 0)
    throw new UserError(
      `${name} is needed by ${needed.join(" and ")}.`,
      "Delete these first, or together with it.",
    );
  const names = others.map(nameOf).join(", ");
  return names === "" ? "" : `${names} started from it: as a baseline it will no longer be shown`;
}

function nameOf(folder: string): string {
  return relative(runsHome(), folder);
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function startOf(reference: string): string | undefined {
  return unlessBroken(() => seekCheckpoint(reference)?.folder);
}

function initFromOf(folder: string): string {
  return unlessBroken(() => readRunConfig(folder).initFrom) ?? "";
}

/** Returns what `read` reads; undefined if the files of that run cannot be read. */
function unlessBroken<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}
