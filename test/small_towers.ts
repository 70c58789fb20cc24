import type { Tower } from "guie/dist/model/tower";
import { findTower } from "guie/dist/model/towers";

/** A tower of a row's family with the sizes of golden/small_towers.py; where the row has a projection it is 4 wide. */
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
