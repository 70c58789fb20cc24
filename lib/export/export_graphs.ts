// The graphs of exported models, with tiny towers: for checks of their operations.
import { vit224 } from "../config/presets";
import { Program } from "../engine/program/program";
import { neckShapes } from "../model/neck";
import type { Tower } from "../model/tower";
import { TOWER_PREFIX } from "../model/weight_names";
import {
  declare,
  imageSizeOf,
  type PresetGraph,
  small,
  towerFamilies,
  trainedShapes,
} from "../training/preset_graphs";
import { traceImageEmbedding } from "./embedding_graph";

/** Returns the SavedModel graph of one tower of each family, with and without mirror images. */
export function exportGraphs(): PresetGraph[] {
  return towerFamilies().flatMap((tower) =>
    [false, true].map((mirror) => ({
      name: `export ${tower.name}${mirror ? " mirrored" : ""}`,
      trace: () => exportGraph(small(tower), mirror),
    })),
  );
}

async function exportGraph(tower: Tower, mirror: boolean): Promise<Program> {
  const config = { ...vit224(), imageSize: imageSizeOf(tower), neck: "norm_double_linear" as const };
  const program = new Program();
  const ofTower = trainedShapes(tower).map(([name, shape]) => [TOWER_PREFIX + name, shape] as const);
  declare(program, [...ofTower, ...Object.entries(neckShapes(config, tower.width))]);
  traceImageEmbedding(program, { tower, config, mirror });
  return program;
}
