// A tower's weights from a prepared file, or freshly drawn.

import type { RandomStream } from "../common/random";
import { openSafetensors } from "../formats/safetensors";
import { requireTensors } from "../formats/tensor_file";
import { initialValues } from "./initial_values";
import { resamplePositions } from "./position_embedding";
import type { Tower } from "./tower";
import { patchGrid, towerShapes } from "./towers";
import type { WeightSource } from "./weight_source";

/** Options of reading a tower's file. */
interface WeightOptions {
  /** Read `proj`, too, for features after the projection. */
  projection?: boolean;
}

/**
 * Opens a tower's weights in a safetensors file with open_clip's names, as `prepareModel` writes it; reading resamples
 * the position embedding for the image size.
 * @throws UserError naming every tensor that is missing, unexpected or of another shape
 * @example
 * const source = towerFile("checkpoints/ViT_H_14_2B_vision_model.safetensors", findTower("ViT-H-14"), 224);
 */
export function towerFile(
  path: string,
  tower: Tower,
  imageSizePx: number,
  options: WeightOptions = {},
): WeightSource {
  const next = prepareCommand(tower);
  const file = openSafetensors(path, next);
  try {
    requireTowerWeights(path, file.tensors, tower, next, options);
    return weightsAtSize(tower, imageSizePx, file.readInto, file.close, options);
  } catch (error) {
    file.close();
    throw error;
  }
}

/**
 * Checks that a file holds exactly a tower's tensors under open_clip's names; `proj` may be absent unless requested.
 * @param next next step that the error recommends
 * @throws UserError naming every tensor that is missing, unexpected or of another shape
 */
export function requireTowerWeights(
  path: string,
  tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  tower: Tower,
  next: string,
  { projection = false }: WeightOptions = {},
): void {
  const shapes = new Map(towerShapes(tower));
  if (!projection && !tensors.has("proj")) shapes.delete("proj");
  requireTensors(path, tensors, shapes, `the tower ${tower.name}`, next);
}

/**
 * Returns fresh weights of a tower, drawn as open_clip does (`initialValues`); for tests and towers without a file.
 * @example
 * const source = freshTower(findTower("tiny"), randomStream(999, "weights"));
 */
export function freshTower(
  tower: Tower,
  random: RandomStream,
  imageSizePx = tower.imageSizePx,
  options: WeightOptions = {},
): WeightSource {
  const shapes = towerShapes(tower);
  const write = (name: string, memory: Float32Array) =>
    memory.set(initialValues(tower, name, shapes.get(name)!, random));
  return weightsAtSize(tower, imageSizePx, write, () => {}, options);
}

/** Returns the command that writes a tower's file. */
export function prepareCommand({ name }: Tower): string {
  return `npx guie prepare-model --model ${name} (with --from FILE: your own weights)`;
}

/** Returns a tower's weights for an image size, made from those for its training grid. */
function weightsAtSize(
  tower: Tower,
  imageSizePx: number,
  write: WeightSource["write"],
  close: () => void,
  { projection = false }: WeightOptions,
): WeightSource {
  const grid = patchGrid(tower, imageSizePx);
  const shapes = new Map(towerShapes(tower));
  if (!projection) shapes.delete("proj");
  return withPatchGrid({ shapes, write, close }, tower, grid);
}

/**
 * Returns weights with the positions of another patch grid.
 * @param tower the tower; its `positionGrid` is that of the weights
 * @param prefix prefix of the tower's own names in the weights
 */
export function withPatchGrid(weights: WeightSource, tower: Tower, grid: number, prefix = ""): WeightSource {
  if (grid === tower.positionGrid) return weights;
  const positions = `${prefix}positional_embedding`;
  const [rows, D] = weights.shapes.get(positions) as [number, number];
  const shapes = new Map(weights.shapes).set(positions, [rows + grid ** 2 - tower.positionGrid ** 2, D]);
  return {
    ...weights,
    shapes,
    write: (name, memory) => {
      if (name !== positions) return weights.write(name, memory);
      const trained = new Float32Array(rows * D);
      weights.write(name, trained);
      memory.set(resamplePositions(trained, tower, grid));
    },
  };
}

/** Returns weights that were trained at an image size, with positions for another one. @param prefix as `withPatchGrid` */
export function trainedAtSize(
  weights: WeightSource,
  tower: Tower,
  { trainedPx, wantedPx, prefix = "" }: { trainedPx: number; wantedPx: number; prefix?: string },
): WeightSource {
  const trained = { ...tower, positionGrid: patchGrid(tower, trainedPx) };
  return withPatchGrid(weights, trained, patchGrid(tower, wantedPx), prefix);
}
