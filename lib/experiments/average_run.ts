// A run that was never trained: its weights are the mean of others'.

import { rmSync } from "node:fs";
import { UserError } from "../common/errors";
import { asOwner } from "../common/files/claim";
import { writeFileAtomically, writeJson } from "../common/files/files";
import { makingPlace, putInPlace, requireReplaceable, settleReplaced } from "../common/files/replace";
import { checkInterrupt } from "../common/interrupt";
import { elementCount } from "../common/vectors";
import { streamSafetensors } from "../formats/safetensors";
import type { WeightSource } from "../model/weight_source";
import { hasCheckpoint, runFile, runFolder } from "../runs/run_folder";
import { RUN_FOLDER } from "../runs/start_folder";

/** Weights that are averaged. */
export interface AveragePart {
  /** Name for messages. */
  name: string;
  source: WeightSource;
  /** Its factor in the mean; all factors are divided by their sum. */
  share: number;
}

/** Options of making a run's folder. */
export interface MakingOptions {
  /** Replace a run of that name, once the new one is complete. */
  overwrite?: boolean | undefined;
  /** Files that are read: they are never replaced. */
  inputs: readonly string[];
}

/**
 * Makes the folder of a run under another name, and puts it in its place when it is complete.
 * @param fill writes the files into the folder that it is given
 * @throws UserError if `name` exists: a run without `overwrite`; one of the inputs or anything else in any case
 */
export async function makeAverageRun<T extends object>(
  name: string,
  { overwrite = false, inputs }: MakingOptions,
  fill: (folder: string) => Promise<T>,
): Promise<T & { folder: string }> {
  const folder = runFolder(name);
  return asOwner(folder, "The soup", async () => {
    settleReplaced(folder, () => hasCheckpoint(folder));
    requireReplaceable(folder, RUN_FOLDER, { overwrite, inputs });
    const making = makingPlace(folder);
    rmSync(making, { recursive: true, force: true });
    try {
      const made = await fill(making);
      putInPlace(folder, making);
      return { folder, ...made };
    } finally {
      rmSync(making, { recursive: true, force: true });
    }
  });
}

/** @throws UserError if the weights have other names or shapes */
export function requireAlike([first, ...others]: readonly AveragePart[]): void {
  for (const { name, source } of others)
    refuseOtherTensors(first!.name, first!.source.shapes, name, source.shapes);
}

/** Writes the mean of weights that are alike as the last checkpoint of a run that has ended, and its config. */
export async function writeAverageRun(
  folder: string,
  config: object,
  parts: readonly AveragePart[],
): Promise<void> {
  const { shapes } = parts[0]!.source;
  const names = parts.map(({ name, share }) => (share === 1 ? name : `${share} ${name}`));
  const made = { format: "pt", step: "0", soup: names.join(" ") };
  await streamSafetensors(runFile(folder, "last"), shapes, made, async (write) => {
    for (const [name, shape] of shapes) {
      await checkInterrupt();
      await write(name, meanOf(parts, name, shape));
    }
  });
  const end = { kind: "end", reason: "finished", message: "a soup", elapsedSeconds: 0 };
  writeFileAtomically(runFile(folder, "metrics"), `${JSON.stringify(end)}\n`);
  writeJson(runFile(folder, "config"), config); // written last, because it makes the folder a run
}

/** Computes the mean in double precision, so that the order of the parts does not matter. */
function meanOf(parts: readonly AveragePart[], name: string, shape: readonly number[]): Float32Array {
  const size = elementCount(shape);
  const whole = parts.reduce((sum, { share }) => sum + share, 0);
  const [sum, values] = [new Float64Array(size), new Float32Array(size)];
  for (const { source, share } of parts) {
    source.write(name, values);
    for (let i = 0; i < size; i++) sum[i]! += share * values[i]!;
  }
  return Float32Array.from(sum, (value) => value / whole);
}

/** @throws UserError naming the tensors that only one has, or that differ in shape */
function refuseOtherTensors(
  first: string,
  expected: WeightSource["shapes"],
  other: string,
  found: WeightSource["shapes"],
): void {
  const describe = (shape: readonly number[] | undefined) => (shape ? `[${shape}]` : "none");
  const faults = [...new Set([...expected.keys(), ...found.keys()])]
    .filter((name) => expected.get(name)?.join() !== found.get(name)?.join())
    .map((name) => `${name} ${describe(expected.get(name))} and ${describe(found.get(name))}`);
  if (faults.length === 0) return;
  const more = faults.length > 5 ? ` and ${faults.length - 5} more` : "";
  throw new UserError(
    `${first} and ${other} cannot be averaged: ${faults.slice(0, 5).join("; ")}${more}.`,
    "All must have the same classes and the same parts.",
  );
}
