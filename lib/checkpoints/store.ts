// A checkpoint is one safetensors file: weights by name, the optimizer's moments, and where the run stands.
import { existsSync } from "node:fs";
import { UserError } from "../common/errors";
import type { WeightSource } from "../model/weight_source";
import type { Program } from "../tensorflow/program";
import { openSafetensors, streamSafetensors } from "./safetensors";

/** What stands before the names of the optimizer's tensors. */
export const OPTIMIZER_PREFIX = "optimizer.";

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
 * @throws UserError when a tensor is missing or has another shape
 */
export async function restoreCheckpoint(path: string, { program, shapes }: StoredModel): Promise<number> {
  const file = openSafetensors(path);
  try {
    for (const [name, shape] of shapes) {
      const stored = file.tensors.get(name);
      if (stored?.shape.join() === shape.join()) continue;
      throw new UserError(
        `${path}: expected the tensor ${name} of shape [${shape}], found ${stored ? `[${stored.shape}]` : "none"}.`,
        "The file belongs to another run: give this one a name of its own (--run-name).",
      );
    }
    await program.fillAll(
      [...shapes.keys()].map((name) => [name, (memory) => file.readInto(name, memory as Float32Array)]),
    );
    return Number(file.metadata.step);
  } finally {
    file.close();
  }
}

/**
 * Weights of a checkpoint (without the optimizer's state) whose names `wanted` accepts.
 * @throws UserError when there is no such file
 */
export function checkpointWeights(
  path: string,
  wanted: (name: string) => boolean = () => true,
): WeightSource {
  if (!existsSync(path)) {
    throw new UserError(
      `Expected a checkpoint at ${path}: there is none.`,
      "Train that run first: npx guie train --help",
    );
  }
  const { tensors, readInto, close } = openSafetensors(path);
  const names = [...tensors.keys()].filter((name) => !name.startsWith(OPTIMIZER_PREFIX) && wanted(name));
  return {
    shapes: new Map(names.map((name) => [name, tensors.get(name)!.shape])),
    write: readInto,
    close,
  };
}
