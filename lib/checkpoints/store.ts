// A checkpoint is one safetensors file: weights by name, the optimizer's moments, and where the run stands.
import { existsSync } from "node:fs";
import { UserError } from "../common/errors";
import type { WeightSource } from "../model/weight_source";
import { openSafetensors, writeSafetensors } from "./safetensors";

/** What stands before the names of the optimizer's tensors. */
export const OPTIMIZER_PREFIX = "optimizer.";

/** A tensor of the model or the optimizer that can be read and set, one at a time. */
export interface StoredTensor {
  name: string;
  shape: readonly number[];
  read(): Promise<Float32Array>;
  /** Gives it its value: `write` fills its own memory, row-major. */
  fill(write: (memory: Float32Array) => void): Promise<void>;
}

/**
 * Writes a checkpoint, atomically, holding one tensor in memory at a time.
 * @param step optimizer steps taken
 */
export async function saveCheckpoint(
  path: string,
  tensors: readonly StoredTensor[],
  step: number,
): Promise<void> {
  const entries = tensors.map(({ name, shape, read }) => ({ name, shape, data: read }));
  await writeSafetensors(path, entries, { format: "pt", step: String(step) });
}

/**
 * Puts a checkpoint's values into the tensors and returns the steps it had taken.
 * @throws UserError when a tensor is missing or has another shape
 */
export async function restoreCheckpoint(path: string, tensors: readonly StoredTensor[]): Promise<number> {
  const file = openSafetensors(path);
  try {
    for (const { name, shape, fill } of tensors) {
      const stored = file.tensors.get(name);
      if (stored?.shape.join() !== shape.join()) {
        throw new UserError(
          `${path}: expected the tensor ${name} of shape [${shape}], found ${stored ? `[${stored.shape}]` : "none"}.`,
          "The file belongs to another run: give this one a name of its own (--run-name).",
        );
      }
      await fill((memory) => file.readInto(name, memory));
    }
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
