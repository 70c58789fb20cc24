// Runs a step for several data sets, collects their faults, and stops the next step until they are fixed.
import { existsSync, rmSync } from "node:fs";
import { z } from "zod";
import { messageOf, UserError } from "../common/errors";
import { inWords } from "../common/files/errno";
import { readJson, writeJson } from "../common/files/files";
import { projectPath } from "../common/project";
import type { DataSet } from "./catalogue";

/** A data set that a step could not finish, and the reason. */
export interface Fault {
  dataset: string;
  message: string;
}

const FAULT = z.object({ dataset: z.string(), message: z.string() }) satisfies z.ZodType<Fault>;

/** A step of the pipeline that handles one data set at a time. */
export interface EachStep {
  /** Name of the command. */
  command: "get-data" | "preprocess";
  /** Returns the path of the step's input below the data directory; a fault counts only while the input exists. */
  input: (set: DataSet) => string;
}

/** Step 1: raw folders to CSV files. */
export const GET_DATA: EachStep = { command: "get-data", input: ({ folder }) => `raw/${folder}` };
/** Step 2: CSV files to resized images. */
export const PREPROCESS: EachStep = { command: "preprocess", input: ({ name }) => `csv/${name}.csv` };

/**
 * Runs a step for each data set. A failure leaves a note for `refuseFaults` until the step succeeds.
 * @param work handles one data set
 * @returns results of the data sets that succeeded, faults of the others
 * @throws any error that is not a data set's fault: an interrupt, a bug
 */
export async function tryEach<Result>(
  dataDir: string,
  step: EachStep,
  sets: readonly DataSet[],
  work: (set: DataSet) => Promise<Result>,
): Promise<{ results: Result[]; faults: Fault[] }> {
  const workAndForget = async (set: DataSet) => {
    const result = await work(set);
    forgetFault(dataDir, step, set);
    return result;
  };
  return tryEachPart(sets, workAndForget, (set, fault) => recordFault(dataDir, step, set, fault));
}

/**
 * Does a part of a step for each data set, next to other processes that do the others: leaves no notes, since only the
 * last process, without a part, knows whether a data set is finished.
 * @param noteFault notes a fault, and returns it as it is told
 * @returns results and faults as `tryEach`
 */
export async function tryEachPart<Result>(
  sets: readonly DataSet[],
  work: (set: DataSet) => Promise<Result>,
  noteFault: (set: DataSet, fault: Fault) => Fault = (_, fault) => fault,
): Promise<{ results: Result[]; faults: Fault[] }> {
  const results: Result[] = [];
  const faults: Fault[] = [];
  for (const set of sets) {
    try {
      results.push(await work(set));
    } catch (thrown) {
      const { syscall } = thrown as NodeJS.ErrnoException;
      const error = inWords(thrown);
      if (!(error instanceof UserError) && syscall === undefined) throw thrown;
      faults.push(noteFault(set, { dataset: set.name, message: messageOf(error) }));
    }
  }
  return { results, faults };
}

/** Writes the note of a fault and returns the fault; a failed write is added to its message. */
function recordFault(dataDir: string, step: EachStep, set: DataSet, fault: Fault): Fault {
  if (!existsSync(inputPath(dataDir, step, set))) return fault;
  try {
    writeJson(notePath(dataDir, step, set), fault);
    return fault;
  } catch (error) {
    return { ...fault, message: `${fault.message}\n${messageOf(error)}` };
  }
}

/** Removes the note of a data set's fault, after the step has succeeded. */
export function forgetFault(dataDir: string, step: EachStep, set: DataSet): void {
  rmSync(notePath(dataDir, step, set), { force: true });
}

/** Throws all faults as one error. @throws UserError if there is at least one fault */
export function throwFaults(step: EachStep, faults: readonly Fault[]): void {
  if (faults.length === 0) return;
  const names = faults.map(({ dataset }) => dataset).join(", ");
  throw new UserError(
    `${faults.length === 1 ? "A data set has a fault" : `${faults.length} data sets have faults`}; the others are finished.\n${faultsText(faults)}`,
    `Fix ${names}, then npx guie ${step.command} --dataset ${names.replaceAll(", ", " ")}`,
  );
}

/** Returns the faults as text, one data set after the other. */
export function faultsText(faults: readonly Fault[]): string {
  return faults.map(({ dataset, message }) => `${dataset}: ${message}`).join("\n");
}

/**
 * Refuses to continue with incomplete output of an earlier step.
 * @throws UserError if the last attempt at `step` failed for one of the data sets
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
    `Fix that and run npx guie ${step.command} --data-dir ${dataDir} --dataset ${names.join(" ")}; or name the data ` +
      `sets to continue with: --dataset NAME.`,
  );
}

function inputPath(dataDir: string, { input }: EachStep, set: DataSet): string {
  return projectPath(dataDir, input(set));
}

function notePath(dataDir: string, { command }: EachStep, set: DataSet): string {
  const folder = command === "get-data" ? "csv" : "final_data_224";
  return projectPath(dataDir, folder, `${set.name}_fault.json`);
}
