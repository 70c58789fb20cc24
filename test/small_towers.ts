// Small towers of each family.
import type { Tower } from "guie/dist/model/tower";
import { findTower } from "guie/dist/model/towers";

/** Returns a tower of a row's family with the sizes of golden/small_towers.py; a projection has width 4. */
export function smallTower(row: string): Tower {
  const tower = findTower(row);
  return {
    ...tower,
    imageSizePx: 28,
    patchSizePx: 7,
    width: 8,
    layers: 2,
    heads: 2,
    mlpRatio: 2,
    positionGrid: 4,
    projectionWidth: tower.projectionWidth === null ? null : 4,
  };
}
