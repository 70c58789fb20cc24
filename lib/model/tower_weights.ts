// Where a tower's weights come from.
import { openSafetensors } from "../checkpoints/safetensors";
import { requireTensors } from "../checkpoints/tensor_file";
import type { RandomStream } from "../common/random";
import { initialValues } from "./initial_values";
import { resamplePositions } from "./position_embedding";
import { patchGrid, type Tower, towerShapes } from "./towers";
import type { WeightSource } from "./weight_source";

/**
 * A tower's weights in a safetensors file with open_clip's names, as `prepareModel` writes it; the position embedding
 * is brought to the grid of the image size on the way. `proj` is left in the file: features never pass through it.
 * @throws UserError naming every tensor that is missing, unexpected or of another shape
 */
export function towerFile(path: string, tower: Tower, imageSizePx: number): WeightSource {
  const next = prepareCommand(tower);
  const file = openSafetensors(path, next);
  try {
    requireTensors(path, file.tensors, towerShapes(tower), `the tower ${tower.name}`, next);
    return towerSource(tower, imageSizePx, file.readInto, file.close);
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Fresh weights of a tower, drawn as open_clip does (`initialValues`), for towers that have no file: tests. */
export function freshTower(
  tower: Tower,
  random: RandomStream,
  imageSizePx = tower.imageSizePx,
): WeightSource {
  const shapes = towerShapes(tower);
  const write = (name: string, memory: Float32Array) =>
    memory.set(initialValues(tower, name, shapes.get(name)!, random));
  return towerSource(tower, imageSizePx, write, () => {});
}

/** The command that writes a tower's file. */
export function prepareCommand({ name }: Tower): string {
  return `npx guie prepare-model --model ${name}`;
}

/** The tower's weights for an image size, out of those for the grid in which it was trained. */
function towerSource(
  tower: Tower,
  imageSizePx: number,
  write: WeightSource["write"],
  close: () => void,
): WeightSource {
  const grid = patchGrid(tower, imageSizePx);
  const shapes = new Map(towerShapes(tower));
  shapes.delete("proj");
  shapes.set("positional_embedding", [1 + grid * grid, tower.width]);
  return {
    shapes,
    write: (name, memory) => {
      if (name !== "positional_embedding" || grid === tower.positionGrid) return write(name, memory);
      const trained = new Float32Array((1 + tower.positionGrid ** 2) * tower.width);
      write(name, trained);
      memory.set(resamplePositions(trained, tower.positionGrid, grid));
    },
    close,
  };
}
