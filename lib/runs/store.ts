// Saves and restores checkpoints: one safetensors file with the weights, the optimizer's moments and the steps taken.
import { existsSync } from "node:fs";
import { UserError } from "../common/errors";
import type { Program } from "../engine/program/program";
import { openSafetensors, streamSafetensors } from "../formats/safetensors";
import { joinNames, type TensorFile } from "../formats/tensor_file";
import { averagedCountOf, isWeight, SKIPPED_STEPS, storedName, type WeightKind } from "../model/weight_names";
import type { WeightSource } from "../model/weight_source";

/** Advice for a checkpoint that cannot be used. */
const DAMAGED_NEXT =
  "A copy of the run's best.safetensors or epoch_N.safetensors serves too: the run goes on from there. Without any, it begins anew.";

/** Variables that older checkpoints lack; they keep their initial value. */
const MAY_BE_MISSING: ReadonlySet<string> = new Set([SKIPPED_STEPS]);

/** A model and its optimizer: variables of a program, all float32. */
export interface StoredModel {
  program: Pick<Program, "fillAll" | "viewAll">;
  /** Shapes of a checkpoint's variables by name. */
  shapes: ReadonlyMap<string, readonly number[]>;
}

/**
 * Writes a checkpoint atomically, directly from the variables' memory.
 * @param step optimizer steps taken
 */
export async function saveCheckpoint(
  path: string,
  { program, shapes }: StoredModel,
  step: number,
): Promise<void> {
  await streamSafetensors(path, shapes, { format: "pt", step: String(step) }, (write) =>
    program.viewAll(shapes.keys(), (name, memory) => write(name, memory as Float32Array)),
  );
}

/**
 * Restores the variables from a checkpoint.
 * @param check throws if a tensor's shape in the file (undefined: no such tensor) differs from the variable's
 * @param wanted selects the variables to restore; the others stay as they are
 * @returns the steps that the checkpoint had taken
 */
export async function restoreCheckpoint(
  path: string,
  { program, shapes }: StoredModel,
  check: (name: string, found: readonly number[] | undefined, expected: readonly number[]) => void,
  wanted: (name: string) => boolean = () => true,
): Promise<number> {
  const file = openSafetensors(path, DAMAGED_NEXT);
  try {
    const isLacking = (name: string) => MAY_BE_MISSING.has(name) && !file.tensors.has(name);
    const restored = [...shapes].filter(([name]) => wanted(name) && !isLacking(name));
    for (const [name, shape] of restored) check(name, file.tensors.get(name)?.shape, shape);
    await program.fillAll(
      restored.map(([name]) => [name, (memory) => file.readInto(name, memory as Float32Array)]),
    );
    return stepOf(path, file.metadata.step);
  } finally {
    file.close();
  }
}

/**
 * Opens the weights of a checkpoint, without the optimizer's state.
 * @param kind the raw weights, or an average instead
 * @param constants weights that are never averaged (for example the features' mean), read as they are
 * @throws UserError if the file is missing, or holds no such average
 */
export function checkpointWeights(
  path: string,
  kind: WeightKind = "raw",
  constants: readonly string[] = [],
): WeightSource {
  if (!existsSync(path)) {
    throw new UserError(
      `Expected a checkpoint at ${path}: there is none.`,
      "Train that run first: npx guie train --help",
    );
  }
  const file = openSafetensors(path, DAMAGED_NEXT);
  const { tensors, readInto, close } = file;
  const names = [...tensors.keys()].filter(isWeight);
  const stored = (name: string) => (constants.includes(name) ? name : storedName(kind, name));
  try {
    if (kind !== "raw") requireAverage(path, file, kind, names.map(stored));
  } catch (error) {
    close();
    throw error;
  }
  return {
    shapes: new Map(names.map((name) => [name, tensors.get(name)!.shape])),
    write: (name, memory) => readInto(stored(name), memory),
    close,
  };
}

/** @throws UserError if a file lacks this average, or part of it */
function requireAverage(path: string, file: TensorFile, kind: WeightKind, names: readonly string[]): void {
  if (averagedCount(file, kind) === 0) {
    throw new UserError(
      `${path} holds no ${kind.toUpperCase()} of the weights.`,
      "Train with emaDecay above 0, or past the epoch swaStartEpoch; or take the raw weights.",
    );
  }
  const lacking = names.filter((name) => !file.tensors.has(name));
  if (lacking.length > 0)
    throw new UserError(`${path} lacks averages of its weights: ${joinNames(lacking)}.`, DAMAGED_NEXT);
}

function stepOf(path: string, text: string | undefined): number {
  if (text !== undefined && /^\d+$/.test(text)) return Number(text);
  throw new UserError(
    `${path}: expected the number of steps taken in its metadata ("step"), found ${text ?? "none"}.`,
    DAMAGED_NEXT,
  );
}

function averagedCount({ tensors, read }: TensorFile, kind: WeightKind): number {
  return tensors.has(averagedCountOf(kind)) ? read(averagedCountOf(kind))[0]! : 0;
}
