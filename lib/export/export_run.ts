// A run's model in the formats in which it leaves.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Library } from "../checkpoints/name_families";
import { streamSafetensors } from "../checkpoints/safetensors";
import { elementCount } from "../checkpoints/safetensors_header";
import { UserError } from "../common/errors";
import { temporaryPath } from "../common/files";
import { projectPath } from "../common/project";
import { TOWER_PREFIX } from "../training/model";
import { findCheckpoint } from "../training/runs/checkpoint_ref";
import { runWeights } from "../training/runs/run_weights";
import { exportOnnx } from "./onnx";
import { openRunModel } from "./run_model";
import { exportSavedModel } from "./saved_model";
import { exportWeights } from "./tower_file";
import { zipFolder } from "./zip";

/** What a run is exported as; `zip` is the SavedModel, ready to submit. */
export const FORMATS = ["savedmodel", "zip", "onnx", "safetensors"] as const;
/** One of them. */
export type Format = (typeof FORMATS)[number];

/** What is exported, and how. */
export interface ExportRequest {
  /** As `findCheckpoint` takes it: a run's name (its last checkpoint), `RUN/best`, `RUN/epoch_3:ema`. */
  run: string;
  format: Format;
  /** A folder; for `zip` a file. */
  out: string;
  /** Average the features of each image and its mirror image. Not for `safetensors`, which holds weights alone. */
  mirror?: boolean;
  /** Whose names the tower's weights have, for `safetensors`. */
  naming?: Library;
  /** Replace what stands at `out`. */
  overwrite?: boolean;
}

/** What was written. */
export interface ExportResult {
  path: string;
  bytes: number;
  /** Whose names the tower's weights have; for safetensors. */
  naming?: Library;
  /** One at a time, on this machine; for a SavedModel. */
  imagesPerSecond?: number;
}

/** How a format is written to a path at which nothing stands. */
type Writer = (
  request: ExportRequest,
  path: string,
) => Promise<Pick<ExportResult, "imagesPerSecond" | "naming">>;

const WRITERS: Record<Format, Writer> = {
  savedmodel: (request, path) =>
    exportSavedModel(openRunModel(request.run), madeFolder(path), !!request.mirror),
  zip: async (request, path) => {
    const folder = `${path}.d`;
    try {
      const speed = await WRITERS.savedmodel(request, folder);
      await zipFolder(folder, path);
      return speed;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
  onnx: async (request, path) => {
    await exportOnnx(openRunModel(request.run), madeFolder(path), !!request.mirror);
    return {};
  },
  safetensors: async (request, path) => {
    const out = join(madeFolder(path), "tower.safetensors");
    const { naming } = await exportWeights(request, request.naming, out);
    await writeNeckAndHead(request.run, join(path, "neck_and_head.safetensors"));
    return { naming };
  },
};

/**
 * Writes a run's model; whole or not at all.
 * @throws UserError when something stands at `out` already, or the run has no such weights
 */
export async function exportRun(request: ExportRequest): Promise<ExportResult> {
  const path = projectPath(request.out);
  if (existsSync(path) && !request.overwrite)
    throw new UserError(`${path} is there already.`, "Give --overwrite to replace it, or another --out.");
  const temporary = temporaryPath(path);
  mkdirSync(dirname(path), { recursive: true });
  try {
    const about = await WRITERS[request.format](request, temporary);
    rmSync(path, { recursive: true, force: true });
    renameSync(temporary, path);
    return { path, bytes: sizeOf(path), ...about };
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

function madeFolder(path: string): string {
  mkdirSync(path);
  return path;
}

/** What a run has trained besides the tower, by our names, matrices [out, in] as PyTorch's. */
async function writeNeckAndHead(run: string, out: string): Promise<void> {
  const weights = runWeights(findCheckpoint(run), (name) => !name.startsWith(TOWER_PREFIX));
  try {
    await streamSafetensors(out, weights.shapes, { format: "pt" }, async (write) => {
      for (const [name, shape] of weights.shapes) {
        const values = new Float32Array(elementCount(shape));
        weights.write(name, values);
        await write(name, values);
      }
    });
  } finally {
    weights.close();
  }
}

function sizeOf(path: string): number {
  if (statSync(path).isFile()) return statSync(path).size;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}
