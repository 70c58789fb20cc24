// Export of a tower's weights to a file that open_clip, timm, DINOv2's code or Hugging Face load strictly.

import { existsSync } from "node:fs";
import { basename } from "node:path";
import { asOwner } from "../common/files/claim";
import { requireReplaceable } from "../common/files/replace";
import { projectPath } from "../common/project";
import { elementCount } from "../common/vectors";
import { weightsPath } from "../config/paths";
import { openSafetensors, writeSafetensors } from "../formats/safetensors";
import type { Tower } from "../model/tower";
import { requireTowerWeights } from "../model/tower_weights";
import { findTower, patchGrid } from "../model/towers";
import { isOfTower, nameInTower, TOWER_PREFIX } from "../model/weight_names";
import { defaultLibrary, exportEntries } from "../pretrained/export_names";
import type { Library } from "../pretrained/name_families";
import { type CheckpointRef, findCheckpoint } from "../runs/checkpoint_ref";
import { EXPORT_KINDS, TOWER_FILE_MARK } from "./made_exports";
import { openCheckpoint } from "./run_model";

/** Source of the weights: a trained run (`RUN`, `RUN/best:ema`), its checkpoint, or a file written by `prepareModel`. */
export type WeightsToExport =
  | { run: string }
  | { checkpoint: CheckpointRef }
  | { model: string; weights: string };

/** The written file. */
export interface ExportedWeights {
  path: string;
  /** Library that the tensor names follow. */
  naming: Library;
  tensors: number;
  /** Image size in px that the position embeddings fit. */
  imageSizePx: number;
}

/** A tower and its tensors by open_clip's names. */
interface OpenTower {
  tower: Tower;
  imageSizePx: number;
  names: ReadonlySet<string>;
  read(name: string): Float32Array;
  close(): void;
}

/**
 * Writes a tower without neck and head, with a library's names and shapes. Training does not change CLIP's `proj`: it
 * is read from the file that the run started from.
 * @param library the library that the names follow; default: the one that the tower comes from
 * @param out a .safetensors file; only a file that this function wrote is replaced
 * @param options.overwrite whether to replace such a file (default) or to fail
 * @throws UserError when a file is missing or in the way, or the library has no such tower
 * @example
 * await exportWeights({ run: "demo_fine_tune" }, "timm", "exports/tower.safetensors");
 */
export async function exportWeights(
  from: WeightsToExport,
  library: Library | undefined,
  out: string,
  { overwrite = true } = {},
): Promise<ExportedWeights> {
  const path = projectPath(out);
  const checkpoint =
    "run" in from ? findCheckpoint(from.run) : "checkpoint" in from ? from.checkpoint : undefined;
  const input = "weights" in from ? projectPath(from.weights) : checkpoint!.path;
  requireReplaceable(path, EXPORT_KINDS.tower, { overwrite, inputs: [input] });
  const open = () => ("weights" in from ? openPrepared(from.model, input) : openRun(checkpoint!));
  const origin = "weights" in from ? from.weights : "run" in from ? from.run : basename(checkpoint!.folder);
  return asOwner(path, "The export", () => writeTower(open(), library, path, origin));
}

async function writeTower(
  source: OpenTower,
  library: Library | undefined,
  path: string,
  origin: string,
): Promise<ExportedWeights> {
  try {
    const { tower, imageSizePx, names } = source;
    const naming = library ?? defaultLibrary(tower, names);
    const entries = exportEntries(tower, naming, names, source.read);
    const about = {
      format: "pt",
      model: tower.name,
      naming,
      [TOWER_FILE_MARK]: String(imageSizePx),
    };
    await writeSafetensors(path, entries, { ...about, origin });
    return { path, naming, tensors: entries.length, imageSizePx };
  } finally {
    source.close();
  }
}

function openPrepared(model: string, path: string): OpenTower {
  const tower = findTower(model);
  const file = openSafetensors(path, `npx guie prepare-model --model ${model}`);
  const { tensors, read, close } = file;
  try {
    requireTowerWeights(path, tensors, tower, `Check that the file holds the weights of ${model}.`);
  } catch (error) {
    close();
    throw error;
  }
  return { tower, imageSizePx: tower.imageSizePx, names: new Set(tensors.keys()), read, close };
}

/** Opens a run's tower; if the run did not train it, the one that it started from (a file, or drawn by its seed). */
function openRun(checkpoint: CheckpointRef): OpenTower {
  const { config, tower: row, weights } = openCheckpoint(checkpoint);
  if (config.stage === "frozen" && config.weights !== "random") {
    weights.close();
    return openPrepared(config.tower, weightsPath(config));
  }
  const tower = { ...row, positionGrid: patchGrid(row, config.imageSize) };
  const startPath = weightsPath(config);
  const start = existsSync(startPath) ? openSafetensors(startPath) : undefined;
  const close = () => {
    weights.close();
    start?.close();
  };
  try {
    const trained = new Map(
      [...weights.shapes]
        .filter(([name]) => isOfTower(name))
        .map(([name, shape]) => [nameInTower(name), { shape }]),
    );
    requireTowerWeights(
      checkpoint.path,
      trained,
      tower,
      "The run's config.json is not that of its checkpoint.",
    );
    const names = new Set([...trained.keys(), ...(start?.tensors.has("proj") ? ["proj"] : [])]);
    const read = (name: string) => {
      const info = trained.get(name);
      if (!info) return start!.read(name);
      const values = new Float32Array(elementCount(info.shape));
      weights.write(TOWER_PREFIX + name, values);
      return values;
    };
    return { tower, imageSizePx: config.imageSize, names, read, close };
  } catch (error) {
    close();
    throw error;
  }
}
