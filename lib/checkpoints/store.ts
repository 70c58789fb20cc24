// A checkpoint is one safetensors file: weights by name, the optimizer's moments, and where the run stands.
import { existsSync } from "node:fs";
import { UserError } from "../common/errors";
import { tf } from "../tensorflow/tf";
import { openSafetensors, type TensorEntry, writeSafetensors } from "./safetensors";

/** Prefixes of the optimizer's tensors, named as in PyTorch's AdamW. */
const FIRST_MOMENT_PREFIX = "optimizer.exp_avg.";
const SECOND_MOMENT_PREFIX = "optimizer.exp_avg_sq.";

/** A trained weight and its moments; the shape that `Trainer.parameters` has. */
export interface StoredParameter {
  name: string;
  value: tf.Variable;
  firstMoment: tf.Variable;
  secondMoment: tf.Variable;
}

/**
 * Writes a checkpoint, atomically.
 * @param fixed weights that are not trained
 * @param step optimizer steps taken
 */
export async function saveCheckpoint(
  path: string,
  parameters: readonly StoredParameter[],
  fixed: Record<string, tf.Tensor>,
  step: number,
): Promise<void> {
  const entries = Object.entries(fixed).map(([name, tensor]) => entryOf(name, tensor));
  for (const { name, value, firstMoment, secondMoment } of parameters) {
    entries.push(entryOf(name, value));
    entries.push(entryOf(FIRST_MOMENT_PREFIX + name, firstMoment));
    entries.push(entryOf(SECOND_MOMENT_PREFIX + name, secondMoment));
  }
  await writeSafetensors(path, entries, { format: "pt", step: String(step) });
}

function entryOf(name: string, tensor: tf.Tensor): TensorEntry {
  return { name, shape: tensor.shape, data: tensor.dataSync() as Float32Array };
}

/**
 * Puts a checkpoint's values into the parameters and returns the steps it had taken.
 * @throws UserError when a tensor is missing or has another shape
 */
export function restoreCheckpoint(path: string, parameters: readonly StoredParameter[]): number {
  const file = openSafetensors(path);
  try {
    for (const { name, value, firstMoment, secondMoment } of parameters) {
      assign(path, file, name, value);
      assign(path, file, FIRST_MOMENT_PREFIX + name, firstMoment);
      assign(path, file, SECOND_MOMENT_PREFIX + name, secondMoment);
    }
    return Number(file.metadata.step);
  } finally {
    file.close();
  }
}

type OpenFile = ReturnType<typeof openSafetensors>;

function assign(path: string, file: OpenFile, name: string, variable: tf.Variable): void {
  const stored = file.tensors.get(name);
  if (stored?.shape.join() !== variable.shape.join()) {
    throw new UserError(
      `${path}: expected the tensor ${name} of shape [${variable.shape}], found ${stored ? `[${stored.shape}]` : "none"}.`,
      "The file belongs to another run: give this one a name of its own (--run-name).",
    );
  }
  tf.tidy(() => variable.assign(tf.tensor(file.read(name), variable.shape)));
}

/**
 * Weights of a checkpoint (without the optimizer's state) whose names `wanted` accepts, as tensors.
 * @throws UserError when there is no such file
 */
export function loadCheckpointWeights(
  path: string,
  wanted: (name: string) => boolean = () => true,
): Record<string, tf.Tensor> {
  if (!existsSync(path)) {
    throw new UserError(
      `Expected a checkpoint at ${path}: there is none.`,
      "Train that run first: npx guie train --help",
    );
  }
  const file = openSafetensors(path);
  try {
    const names = [...file.tensors.keys()].filter((name) => !name.startsWith("optimizer.") && wanted(name));
    return Object.fromEntries(
      names.map((name) => [name, tf.tensor(file.read(name), [...file.tensors.get(name)!.shape])]),
    );
  } finally {
    file.close();
  }
}
