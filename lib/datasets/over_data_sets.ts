// A step over several data sets: all are tried, every fault is told, and the next step knows of it.
import { existsSync, rmSync } from "node:fs";
import { z } from "zod";
import { messageOf, UserError } from "../common/errors";
import { inWords } from "../common/files/errno";
import { readJson, writeJson } from "../common/files/files";
import { projectPath } from "../common/project";
import type { DataSet } from "./catalogue";

/** A data set that a step could not finish, and why. */
export interface Fault {
  dataset: string;
  message: string;
}

const FAULT = z.object({ dataset: z.string(), message: z.string() }) satisfies z.ZodType<Fault>;

/** A step that is done for one data set after the other. */
export interface EachStep {
  /** As the command is called. */
  command: "get-data" | "preprocess";
  /** What the step begins with, below the data directory: a fault counts while that is there. */
  input: (set: DataSet) => string;
}

export const GET_DATA: EachStep = { command: "get-data", input: ({ folder }) => `raw/${folder}` };
export const PREPROCESS: EachStep = { command: "preprocess", input: ({ name }) => `csv/${name}.csv` };

/**
 * Does a step for every data set. One that fails leaves a note, which `refuseFaults` finds, until it succeeds.
 * @param work what is done for one
 * @returns results of those that succeeded, faults of the others
 * @throws what is no fault of a data set: an Interrupt, an error of the program
 */
export async function tryEach<Result>(
  dataDir: string,
  step: EachStep,
  sets: readonly DataSet[],
  work: (set: DataSet) => Promise<Result>,
): Promise<{ results: Result[]; faults: Fault[] }> {
  const results: Result[] = [];
  const faults: Fault[] = [];
  for (const set of sets) {
    try {
      results.push(await work(set));
      rmSync(notePath(dataDir, step, set), { force: true });
    } catch (thrown) {
      const { syscall } = thrown as NodeJS.ErrnoException;
      const error = inWords(thrown);
      if (!(error instanceof UserError) && syscall === undefined) throw thrown;
      const fault = { dataset: set.name, message: messageOf(error) };
      faults.push(noted(dataDir, step, set, fault));
    }
  }
  return { results, faults };
}

/** Leaves the note of a fault. A disk that takes no note is told of as well. */
function noted(dataDir: string, step: EachStep, set: DataSet, fault: Fault): Fault {
  if (!existsSync(inputPath(dataDir, step, set))) return fault;
  try {
    writeJson(notePath(dataDir, step, set), fault);
    return fault;
  } catch (error) {
    return { ...fault, message: `${fault.message}\n${messageOf(error)}` };
  }
}

/** @throws UserError with all faults, where there is one */
export function throwFaults(step: EachStep, faults: readonly Fault[]): void {
  if (faults.length === 0) return;
  const names = faults.map(({ dataset }) => dataset).join(", ");
  throw new UserError(
    `${faults.length === 1 ? "A data set has a fault" : `${faults.length} data sets have faults`}; the others are finished.\n${faultsText(faults)}`,
    `Mend ${names}, then npx guie ${step.command} --dataset ${names.replaceAll(", ", " ")}`,
  );
}

/** Every fault with its data set. */
export function faultsText(faults: readonly Fault[]): string {
  return faults.map(({ dataset, message }) => `${dataset}: ${message}`).join("\n");
}

/**
 * A step does not go on silently with what the one before it has left.
 * @throws UserError where `step` failed for one of the data sets when it was last tried
 */
export function refuseFaults(dataDir: string, step: EachStep, sets: readonly DataSet[]): void {
  const faults = sets.flatMap((set) => {
    const note = notePath(dataDir, step, set);
    const counts = existsSync(note) && existsSync(inputPath(dataDir, step, set));
    return counts ? [readJson(note, FAULT, `rm ${note}`)] : [];
  });
  if (faults.length === 0) return;
  const names = faults.map(({ dataset }) => dataset);
  throw new UserError(
    `npx guie ${step.command} could not finish ${names.join(", ")} the last time:\n${faultsText(faults)}`,
    `Mend that and run npx guie ${step.command} --data-dir ${dataDir} --dataset ${names.join(" ")}; or name the data ` +
      `sets to go on with: --dataset NAME.`,
  );
}

function inputPath(dataDir: string, { input }: EachStep, set: DataSet): string {
  return projectPath(dataDir, input(set));
}

function notePath(dataDir: string, { command }: EachStep, set: DataSet): string {
  const folder = command === "get-data" ? "csv" : "final_data_224";
  return projectPath(dataDir, folder, `${set.name}_fault.json`);
}
