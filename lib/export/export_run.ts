// Export of a run's model in every format.
import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { asOwner } from "../common/files/claim";
import { inWords } from "../common/files/errno";
import { makingPlace, putInPlace, requireReplaceable, settleReplaced } from "../common/files/replace";
import { projectPath } from "../common/project";
import { streamSafetensors } from "../formats/safetensors";
import { elementCount } from "../formats/safetensors_header";
import { isOfTower } from "../model/weight_names";
import type { Library } from "../pretrained/name_families";
import { findCheckpoint } from "../runs/checkpoint_ref";
import { learnedClasses, readNote } from "../runs/run_note";
import { runWeights } from "../runs/run_weights";
import { EXPORT_KINDS } from "./made_exports";
import { exportOnnx } from "./onnx";
import { openRunModel } from "./run_model";
import { exportSavedModel } from "./saved_model";
import { exportWeights } from "./tower_file";
import { zipFolder } from "./zip";

/** The export formats; `zip` is the SavedModel, ready to submit. */
export const FORMATS = ["savedmodel", "zip", "onnx", "safetensors"] as const;
/** An export format. */
export type Format = (typeof FORMATS)[number];

/** A request to export a run. */
export interface ExportRequest {
  /** A checkpoint as `findCheckpoint` takes it: a run's name (its last checkpoint), `RUN/best`, `RUN/epoch_3:ema`. */
  run: string;
  format: Format;
  /** Output folder; for `zip` a file. */
  out: string;
  /** Average the features of each image and its mirror image. Not for `safetensors`, which holds weights alone. */
  mirror?: boolean;
  /** Library that the tower's tensor names follow; only for `safetensors`. */
  naming?: Library;
  /** Replace an earlier export of this format at `out`. */
  overwrite?: boolean;
}

/** The written export. */
export interface ExportResult {
  path: string;
  bytes: number;
  /** Library that the tower's tensor names follow; for `safetensors`. */
  naming?: Library;
  /** Speed on this machine, one image at a time; for a SavedModel. */
  imagesPerSecond?: number;
}

/** Writes one format to a path that does not exist yet. */
type Writer = (
  request: ExportRequest,
  path: string,
) => Promise<Pick<ExportResult, "imagesPerSecond" | "naming">>;

const WRITERS: Record<Format, Writer> = {
  savedmodel: (request, path) =>
    exportSavedModel(openRunModel(request.run), madeFolder(path), !!request.mirror),
  zip: async (request, path) => {
    const folder = makingPlace(path);
    rmSync(folder, { recursive: true, force: true });
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
 * Writes a run's model, completely or not at all.
 * @throws UserError if `out` holds anything but an export of this format, or such an export without `overwrite`; if
 * another process writes there; if the run has no such weights
 * @example
 * await exportRun({ run: "demo_fine_tune/best", format: "onnx", out: "exports/demo" });
 */
export async function exportRun(request: ExportRequest): Promise<ExportResult> {
  const path = projectPath(request.out);
  const { run, format, overwrite = false } = request;
  const inputs = [findCheckpoint(run).path];
  const check = () => requireReplaceable(path, EXPORT_KINDS[format], { overwrite, inputs });
  check(); // before anything is written, even the owner's file next to `out`
  return asOwner(path, "The export", async () => {
    settleReplaced(path);
    check();
    const making = makingPlace(path);
    rmSync(making, { recursive: true, force: true });
    try {
      const about = await WRITERS[format](request, making);
      putInPlace(path, making);
      return { path, bytes: sizeOf(path), ...about };
    } catch (error) {
      throw inWords(error, path, "written");
    } finally {
      rmSync(making, { recursive: true, force: true });
    }
  });
}

function madeFolder(path: string): string {
  mkdirSync(path);
  return path;
}

/** Writes neck and head by our names, matrices [out, in] as in PyTorch; the metadata names the classes of the head's rows. */
async function writeNeckAndHead(run: string, out: string): Promise<void> {
  const checkpoint = findCheckpoint(run);
  const weights = runWeights(checkpoint, (name) => !isOfTower(name));
  const note = readNote(checkpoint.folder);
  const classes = note && learnedClasses(note);
  const metadata = { format: "pt", ...(classes ? { classes: JSON.stringify(classes) } : {}) };
  try {
    await streamSafetensors(out, weights.shapes, metadata, async (write) => {
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
