// Export of a model in every format: of a run, a whitened or LDA model, or a backbone.

import { copyFileSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { byCodeUnit } from "../common/code_units";
import { asOwner } from "../common/files/claim";
import { inWords } from "../common/files/errno";
import { makingPlace, putInPlace, requireReplaceable, settleReplaced } from "../common/files/replace";
import { projectPath } from "../common/project";
import { elementCount } from "../common/vectors";
import { preset } from "../config/presets";
import { type FoundBase, type FoundModel, findModel } from "../embedding/find_model";
import { reductionPath } from "../embedding/transform_model";
import { streamSafetensors } from "../formats/safetensors";
import { isOfTower } from "../model/weight_names";
import type { Library } from "../pretrained/name_families";
import type { CheckpointRef } from "../runs/checkpoint_ref";
import { learnedClasses, readNote } from "../runs/run_note";
import { runWeights } from "../runs/run_weights";
import { EXPORT_KINDS } from "./made_exports";
import { exportOnnx, OUTPUT } from "./onnx";
import { inputOf, openFoundModel, vectorLength } from "./run_model";
import { EMBEDDING_OUTPUT, exportSavedModel } from "./saved_model";
import { exportWeights, type WeightsToExport } from "./tower_file";
import { zipFolder } from "./zip";

/** The export formats; `zip` is the SavedModel, ready to submit. */
export const FORMATS = ["savedmodel", "zip", "onnx", "safetensors"] as const;
/** An export format. */
export type Format = (typeof FORMATS)[number];

/** A request to export a model. */
export interface ExportRequest {
  /**
   * The model as `findModel` takes it: a run (its last checkpoint), `RUN/best`, `RUN/epoch_3:ema`; a whitened or LDA
   * model; a tower, a file of weights, or `backbone`, that of the preset `demo`. A backbone has no neck: its unit vectors
   * are its features.
   */
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
  /** The files at `path`, or `path` itself, with their sizes. */
  files: { name: string; bytes: number }[];
  /** What a model takes, with its shape; none for weights. */
  input?: string;
  /** What it returns, with its shape. */
  output?: string;
  /** Library that the tower's tensor names follow; for `safetensors`. */
  naming?: Library;
  /** Speed on this machine, one image at a time; for a SavedModel. */
  imagesPerSecond?: number;
}

/** A request with the model that it names. */
interface FoundRequest extends ExportRequest {
  found: FoundModel;
}

/** Writes one format to a path that does not exist yet. */
type Writer = (
  request: FoundRequest,
  path: string,
) => Promise<Omit<ExportResult, "path" | "bytes" | "files">>;

const WRITERS: Record<Format, Writer> = {
  savedmodel: async ({ found, mirror }, path) => {
    const model = openFoundModel(found);
    return {
      input: "images [B, H, W, 3], uint8, of any size",
      output: `${EMBEDDING_OUTPUT} [B, ${vectorLength(model)}], float32, unit length`,
      ...(await exportSavedModel(model, madeFolder(path), !!mirror)),
    };
  },
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
  onnx: async ({ found, mirror }, path) => {
    const model = openFoundModel(found);
    const { imageSize: side, resizeMode } = model.config;
    await exportOnnx(model, madeFolder(path), !!mirror);
    return {
      input: `pixel_values [B, 3, ${side}, ${side}], float32, normalised as preprocessor_config.json says${resizeMode === "pad" ? ", of an image in the middle of a black square" : ""}`,
      output: `${OUTPUT} [B, ${vectorLength(model)}], float32, unit length`,
    };
  },
  safetensors: async ({ found, naming: library }, path) => {
    const base = found.kind === "transform" ? found.base : found;
    const out = join(madeFolder(path), "tower.safetensors");
    const { naming } = await exportWeights(weightsOf(base), library, out);
    if (base.kind === "run") await writeNeckAndHead(base.checkpoint, join(path, "neck_and_head.safetensors"));
    if (found.kind === "transform")
      copyFileSync(reductionPath(found.model), join(path, "reduction.safetensors"));
    return { naming };
  },
};

/** Returns the source of a base's tower. */
function weightsOf(base: FoundBase): WeightsToExport {
  if (base.kind === "backbone") return { model: base.config.tower, weights: base.config.weights };
  return { checkpoint: base.checkpoint };
}

/**
 * Writes a model, completely or not at all.
 * @throws UserError if `out` holds anything but an export of this format, or such an export without `overwrite`; if
 * another process writes there; if there is no such model or weights
 * @example
 * await exportRun({ run: "demo_fine_tune/best", format: "onnx", out: "exports/demo" });
 */
export async function exportRun(request: ExportRequest): Promise<ExportResult> {
  const path = projectPath(request.out);
  const { run, format, overwrite = false } = request;
  const found = await findModel(run, preset("demo", "frozen"));
  const inputs = [inputOf(found)];
  const check = () => requireReplaceable(path, EXPORT_KINDS[format], { overwrite, inputs });
  check(); // before anything is written, even the owner's file next to `out`
  return asOwner(path, "The export", async () => {
    settleReplaced(path);
    check();
    const making = makingPlace(path);
    rmSync(making, { recursive: true, force: true });
    try {
      const about = await WRITERS[format]({ ...request, found }, making);
      putInPlace(path, making);
      const files = filesOf(path);
      return { path, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0), files, ...about };
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
async function writeNeckAndHead(checkpoint: CheckpointRef, out: string): Promise<void> {
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

/** Lists the files of an export, the largest first. */
function filesOf(path: string): ExportResult["files"] {
  if (statSync(path).isFile()) return [{ name: basename(path), bytes: statSync(path).size }];
  const names = readdirSync(path, { recursive: true, encoding: "utf8" });
  const files = names.map((name) => ({ name, stats: statSync(join(path, name)) }));
  return files
    .flatMap(({ name, stats }) => (stats.isFile() ? { name, bytes: stats.size } : []))
    .sort((a, b) => b.bytes - a.bytes || byCodeUnit(a.name, b.name));
}
