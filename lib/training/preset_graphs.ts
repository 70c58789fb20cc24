// Traces the graphs of training and embedding on tiny towers, to check their operations.
import type { GraphSettings } from "../config/parts";
import { PRESET_NAMES, preset, vit224 } from "../config/presets";
import { processCount } from "../config/processes";
import { Program } from "../engine/program/program";
import type { Cluster } from "../engine/session/cluster";
import { allGather, broadcast } from "../engine/tracing/collectives";
import { tracedFor } from "../engine/tracing/fused";
import { backboneOf } from "../model/backbone";
import { cachedFeatures, towerFeatures } from "../model/embedding_model";
import { headShapes } from "../model/head";
import { adapterShapes } from "../model/lora";
import { patchCounts } from "../model/patch_dropout";
import type { Tower } from "../model/tower";
import { findTower, TOWERS, towerShapes } from "../model/towers";
import { featureLength } from "../model/vit";
import { TOWER_PREFIX } from "../model/weight_names";
import { stepRanks } from "./ranks/ranks";
import { createAverages } from "./step/averages";
import { declareOptimizer } from "./step/optimizer_state";
import { traceStep, trainedNames } from "./step/step";

/** A graph, named after its config and purpose. */
export interface PresetGraph {
  name: string;
  /** Traces the graph into a program; the caller disposes of it. */
  trace(): Promise<Program>;
}

/** Settings that change the operations in the graphs; each is tried with every preset and tower family. */
export const VARIANTS: readonly Partial<GraphSettings>[] = [
  {},
  { accumulationSteps: 2 },
  { precision: "bfloat16", gradientCheckpointing: true },
  { precision: "float16", patchPooling: "mean" },
  { emaDecay: 0.9, swaStartEpoch: 1 },
  { clipNorm: 1, layerDecay: 0.8, weightDecayOn: "matrices", patchDropout: 0.5, patchPooling: "gem" },
  { loraRank: 2, trainedBlocks: 1, gradientCheckpointing: true },
  { processes: 2, gradientDtype: "bfloat16", neck: "norm_single_linear" },
  {
    neck: "norm_double_linear",
    head: "Sub_Arc_face",
    loss: "CosFace",
    classSizeMargin: true,
    matryoshka: [4, 6],
  },
  { pairLoss: "MultiSimilarity" },
  { processes: 2, pairLoss: "SupCon", heads: "by_data_set" },
];

const CLASSES = 10;
const BATCH_SIZE = 4;

/** Returns a key of the properties that decide a tower's operations; the others are sizes. */
function familyOf(tower: Tower): string {
  const { classToken, registers, lnPre, patchBias, layerScale, activation, pooling } = tower;
  return [classToken, registers, lnPre, patchBias, layerScale, activation, pooling].join();
}

/** Returns one tower of each family: the first in the table. */
export function towerFamilies(): Tower[] {
  return [...new Map([...TOWERS].reverse().map((tower) => [familyOf(tower), tower])).values()];
}

/** Lists the graphs of all presets and of one tower of each family, in all variants. */
export function presetGraphs(): PresetGraph[] {
  const presets = PRESET_NAMES.flatMap((name) => [preset(name, "frozen"), preset(name, "fine_tune")]);
  const towers = towerFamilies().map(({ name }) => ({
    ...vit224("fine_tune"),
    configName: `tower ${name}`,
    tower: name,
  }));
  return [...presets, ...towers].flatMap((config) =>
    VARIANTS.flatMap((variant) => graphsOf({ ...config, ...variant }, JSON.stringify(variant))),
  );
}

function graphsOf(config: GraphSettings, variant: string): PresetGraph[] {
  const name = [config.configName, config.stage, variant].filter((word) => word !== "{}").join(" ");
  return [
    { name: `${name}: features`, trace: () => featureGraph(config) },
    { name: `${name}: training step`, trace: () => stepGraph(config) },
  ];
}

/** Returns a tower with the same operations and very few weights. */
export function small(tower: Tower): Tower {
  return { ...tower, layers: 2, width: 16, heads: 2, mlpRatio: 2, positionGrid: 2 };
}

/** Returns the image size, in pixels, that needs no resampling of the tower's position embedding. */
export function imageSizeOf(tower: Tower): number {
  return tower.positionGrid * tower.patchSizePx;
}

/** Declares variables of these names and shapes, without values. */
export function declare(program: Program, shapes: Iterable<readonly [string, readonly number[]]>): void {
  for (const [name, shape] of shapes) program.variable(name, { shape });
}

/** Lists names and shapes of the tower's weights that a run holds. */
export function trainedShapes(tower: Tower): [string, readonly number[]][] {
  return [...towerShapes(tower)].filter(([name]) => name !== "proj");
}

async function featureGraph(config: GraphSettings): Promise<Program> {
  const tower = small(findTower(config.tower));
  const program = new Program();
  declare(program, trainedShapes(tower));
  tracedFor("gpu", () =>
    backboneOf(program, tower, { ...config, imageSize: imageSizeOf(tower), lastBlocks: 1 }),
  );
  return program;
}

async function stepGraph(preset: GraphSettings): Promise<Program> {
  const tower = small(findTower(preset.tower));
  const config = { ...preset, trainedBlocks: Math.min(preset.trainedBlocks, tower.layers) };
  const isFrozen = config.stage === "frozen";
  const blocks = { lastBlocks: 2, patchPooling: config.patchPooling };
  const featureCount = featureLength(tower, blocks);
  const ofTower = isFrozen
    ? []
    : [...trainedShapes(tower), ...adapterShapes(tower, config)].map(
        ([name, shape]) => [TOWER_PREFIX + name, shape] as const,
      );
  const shapes = new Map([...Object.entries(headShapes(config, featureCount, CLASSES)), ...ofTower]);
  const program = new Program();
  declare(program, shapes);
  const trained = new Map(trainedNames(shapes, config).map((name) => [name, shapes.get(name)!]));
  await declareOptimizer(program, trained, config);
  const sizePx = imageSizeOf(tower);
  const cluster = processCount(config) > 1 ? unservedCluster(processCount(config)) : undefined;
  const parts = {
    config,
    shapes,
    featureCount,
    ranks: cluster && stepRanks(cluster, config),
    features: isFrozen ? cachedFeatures : towerFeatures(tower, { ...config, ...blocks }),
    inputShape: isFrozen ? [BATCH_SIZE, featureCount] : [BATCH_SIZE, sizePx, sizePx, 3],
    keptPatches: isFrozen ? undefined : patchCounts(tower.positionGrid ** 2, config)?.kept,
  };
  await createAverages(program, shapes, config);
  tracedFor("gpu", () => traceStep(program, parts));
  if (cluster) traceSharing(program, cluster);
  return program;
}

/** Returns a cluster for tracing only: no server runs. */
function unservedCluster(worldSize: number): Cluster {
  let keys = 0;
  const addresses = Array.from({ length: worldSize }, (_, rank) => `localhost:${rank + 1}`);
  const task = { target: "", task: "", leader: "" };
  return { addresses, rank: 0, worldSize, sessionOptions: { cluster: task }, nextKey: () => ++keys };
}

/** Traces the exchanges between processes other than gradients: the chief's weights, and rows of all. */
function traceSharing(program: Program, chief: Cluster): void {
  program.function(
    "share",
    ({ rows }) => [allGather(chief, rows), broadcast(chief, rows), broadcast({ ...chief, rank: 1 }, rows)],
    { rows: { shape: [2, 3] } },
  );
}
