// A checkpoint is one safetensors file: weights by name, the optimizer's moments, and where the run stands.
import { existsSync } from "node:fs";
import { UserError } from "../common/errors";
import type { Program } from "../engine/program/program";
import { openSafetensors, streamSafetensors } from "../formats/safetensors";
import { joinNames, type TensorFile } from "../formats/tensor_file";
import { averagedCountOf, isWeight, SKIPPED_STEPS, storedName, type WeightKind } from "../model/weight_names";
import type { WeightSource } from "../model/weight_source";

/** What to do about a checkpoint that cannot be used. */
const DAMAGED_NEXT =
  "A copy of the run's best.safetensors or epoch_N.safetensors will do: it goes on from there. With none it begins anew.";

/** Variables that older checkpoints lack: they keep their first value. */
const MAY_BE_MISSING: ReadonlySet<string> = new Set([SKIPPED_STEPS]);

/** A model and its optimizer: variables of a program, all of them float32. */
export interface StoredModel {
  program: Pick<Program, "fillAll" | "viewAll">;
  /** Shapes of the variables that belong to a checkpoint, by name. */
  shapes: ReadonlyMap<string, readonly number[]>;
}

/**
 * Writes a checkpoint, atomically, straight from the variables' memory.
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
 * Puts a checkpoint's values into the variables and returns the steps it had taken.
 * @param check throws where a tensor's shape in the file (undefined: it has none) is not that of the variable
 * @param wanted variables that the checkpoint fills; the others stay as they are
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
 * Weights of a checkpoint, without the optimizer's state.
 * @param kind an average in their place
 * @param constants weights that are never averaged (the features' mean, say): they are those of the run
 * @throws UserError when there is no such file, or it holds no such average
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

/** @throws UserError when a file holds no average of this kind, or not all of it */
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
