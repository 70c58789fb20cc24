// Finds a tower and its prepared weights, the settings of a run, from a name, a file or a repository.
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { UserError } from "../common/errors";
import { fileFingerprint } from "../common/files/fingerprint";
import type { ProgressOptions } from "../common/progress";
import { projectPath } from "../common/project";
import { openWeights, weightsFile } from "../formats/open_weights";
import { openSafetensors } from "../formats/safetensors";
import { fetchFromHub, formatHubSource, parseHubSource } from "../pretrained/hub";
import { hubRepository } from "../pretrained/hub_sources";
import { MODEL_NAMES, preparedFile, prepareModel } from "../pretrained/prepare_model";
import { fittingTowers } from "../pretrained/tower_names";

/** The settings `tower` and `weights` of a run. */
export interface PreparedTower {
  tower: string;
  /** A safetensors file as `prepareModel` writes it. */
  weights: string;
}

/** Home of towers that were prepared from a file or a repository, one folder each. */
const HOME = join("checkpoints", "prepared");
const FINGERPRINT_LENGTH = 12;

/**
 * Finds a tower by its name, by a file or folder of weights, or by `hub:owner/name`. Weights from the hub, and those
 * without open_clip's names, are prepared once.
 * @returns undefined if the text is none of these, or a tower that is not prepared
 * @throws UserError if weights fit no tower or several
 */
export async function seekTower(
  reference: string,
  options?: ProgressOptions,
): Promise<PreparedTower | undefined> {
  if (parseHubSource(reference)) return hubTower(reference, options);
  const ownFile = preparedFile(reference);
  if (MODEL_NAMES.includes(reference) && existsSync(projectPath(ownFile)))
    return { tower: reference, weights: ownFile };
  const path = projectPath(reference);
  return existsSync(path) ? fileTower(reference, path, options) : undefined;
}

/** Finds the tower of a file: a file by `prepareModel` names it; of others, the tensors tell. */
async function fileTower(reference: string, path: string, options?: ProgressOptions): Promise<PreparedTower> {
  const file = weightsFile(path);
  const model = file.endsWith(".safetensors") ? modelOf(file) : undefined;
  if (model !== undefined) return { tower: model, weights: file === path ? reference : file };
  const out = join(HOME, `${basename(file)}-${fileFingerprint(file).slice(0, FINGERPRINT_LENGTH)}`);
  return preparedIn(out) ?? prepareFrom(file, await towerIn(file, reference), out, options);
}

async function hubTower(reference: string, options?: ProgressOptions): Promise<PreparedTower> {
  const source = parseHubSource(reference)!;
  const { repo, revision, file } = source;
  const parts = [
    repo.replace("/", "--"),
    ...(revision === "main" ? [] : [revision]),
    ...(file ? [file] : []),
  ];
  const out = join(HOME, parts.join("--").replaceAll("/", "--"));
  const from = formatHubSource(source);
  const known = file === undefined ? MODEL_NAMES.find((name) => hubRepository(name) === repo) : undefined;
  const standard = known === undefined ? undefined : standardFile(known, from);
  const found = standard ?? preparedIn(out);
  if (found) return found;
  const tower = known ?? (await towerIn((await fetchFromHub(source, options)).path, reference));
  return prepareFrom(from, tower, out, options);
}

/** Returns the file that `guie prepare-model` writes, if it was made from this source. */
function standardFile(tower: string, origin: string): PreparedTower | undefined {
  const weights = preparedFile(tower);
  const path = projectPath(weights);
  return existsSync(path) && metadataOf(path).origin === origin ? { tower, weights } : undefined;
}

/** Returns the tower that was prepared in a folder. */
function preparedIn(folder: string): PreparedTower | undefined {
  const path = projectPath(folder);
  if (!existsSync(path) || !statSync(path).isDirectory()) return undefined;
  const name = readdirSync(path).find((name) => name.endsWith("_vision_model.safetensors"));
  const model = name === undefined ? undefined : modelOf(join(path, name));
  return model === undefined ? undefined : { tower: model, weights: join(folder, name!) };
}

async function prepareFrom(
  from: string,
  tower: string,
  out: string,
  options?: ProgressOptions,
): Promise<PreparedTower> {
  await prepareModel({ model: tower, from, out, ...options });
  return { tower, weights: preparedFile(tower, out) };
}

/** Returns the only tower that a file fits. @throws UserError if it fits none or several */
async function towerIn(path: string, reference: string): Promise<string> {
  const file = await openWeights(path);
  try {
    const [tower, ...others] = fittingTowers(path, file);
    if (tower === undefined)
      throw new UserError(
        `${reference} fits none of the known towers.`,
        "`npx guie prepare-model --model TOWER --from FILE` tells what does not fit.",
      );
    if (others.length === 0) return tower;
    throw new UserError(
      `${reference} fits several towers, which differ only in activations or pixels: ${[tower, ...others].join(", ")}.`,
      `Say which, then name that file: npx guie prepare-model --model ${tower} --from ${reference} --out FOLDER`,
    );
  } finally {
    file.close();
  }
}

/** Returns the tower whose weights a file by `prepareModel` holds; undefined for other files. */
function modelOf(path: string): string | undefined {
  const { model, naming } = metadataOf(path);
  return naming === "open_clip" && model !== undefined ? model : undefined;
}

function metadataOf(path: string): Record<string, string> {
  const file = openSafetensors(path);
  file.close();
  return file.metadata;
}
