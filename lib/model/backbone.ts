// A tower as a TensorFlow graph, images to features. Shapes: B images, S side of the input in px, F features.
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { UserError } from "../common/errors";
import { mapConcurrently } from "../common/parallel/concurrent";
import { randomStream } from "../common/random";
import { rowsIn, setRows, sliceRows, zeroVectors } from "../common/vectors";
import type { BackboneSettings, FeatureSettings, TowerWeightSettings } from "../config/parts";
import { weightsPath } from "../config/paths";
import { device } from "../engine/native/device";
import { floatsOf } from "../engine/native/dtypes";
import { tf } from "../engine/native/tf";
import { withFreeBatch } from "../engine/program/free_batch";
import type { GraphFunction } from "../engine/program/graph_function";
import { Program } from "../engine/program/program";
import { mostParts } from "./block";
import { mergeAdapters } from "./lora";
import { resamplingMatrix } from "./position_embedding";
import type { Tower } from "./tower";
import { freshTower, prepareCommand, towerFile } from "./tower_weights";
import { findTower, patchGrid } from "./towers";
import { featureLength, vitFeatures } from "./vit";
import { isOfOptimizer } from "./weight_names";
import { fillProgram, type WeightSource } from "./weight_source";

/** Maximum number of images that are computed at once. */
const BATCH_SIZE = 32;
/** Minimum number of images in each of several concurrent runs: fewer make matrix products slower. */
const SHARED_IMAGES = 4;

/** A tower that turns images into features. */
export interface Backbone {
  tower: Tower;
  /** F, the length of a feature. */
  length: number;
  /** Normalised pixels [B, S, S, 3] -> features [B, F], both flat; any B. */
  features(pixels: Float32Array): Promise<Float32Array>;
  dispose(): void;
}

/**
 * Returns the backbone that a config names: weights from its file, or random ones if it says `random`.
 * @throws UserError if the file does not exist or does not fit the tower
 * @example
 * const backbone = await loadBackbone(preset("demo")); backbone.dispose();
 */
export async function loadBackbone(config: BackboneSettings): Promise<Backbone> {
  const tower = findTower(config.tower);
  return createBackbone(tower, towerWeights(config, tower), config);
}

/** Returns the weights of a tower that a config names, under the tower's own names. */
export function towerWeights(config: TowerWeightSettings, tower: Tower): WeightSource {
  if (config.weights === "random") {
    return freshTower(tower, randomStream(config.seed, "weights"), config.imageSize);
  }
  const path = weightsPath(config);
  if (existsSync(path)) return towerFile(path, tower, config.imageSize);
  throw new UserError(
    `Expected the weights of ${tower.name} at ${path}: there is no such file.`,
    prepareCommand(tower),
  );
}

/**
 * Creates a backbone with these weights, for inference only, and closes the source. On a CPU each operation runs on one
 * thread: blocks are split into parts, and large batches into several, so that each core has its own work and waits for
 * the others only twice per block. Splitting every operation over all cores costs more than the small operations of one
 * image take.
 */
export async function createBackbone(
  tower: Tower,
  weights: WeightSource,
  config: FeatureSettings,
): Promise<Backbone> {
  const cores = device().kind === "cpu" ? availableParallelism() : 1;
  const parts = mostParts(tower, cores);
  const program = new Program(parts > 1 ? { intraOpThreads: 1 } : {});
  await fillProgram(program, weights);
  const traced = traceFeatures(program, tower, { ...config, parts });
  const extract = await program.computedOnce("inference", traced);
  const runsAtOnce = parts > 1 ? cores : 1;
  return { ...backboneWith(extract, tower, config, runsAtOnce), dispose: () => program.dispose() };
}

/**
 * Returns a backbone whose weights are variables of a program, for example of one that trains them, for images of
 * `config.imageSize`.
 */
export function backboneOf(
  program: Program,
  tower: Tower,
  config: FeatureSettings,
  variables: VariableOptions = {},
): Omit<Backbone, "dispose"> {
  return backboneWith(traceFeatures(program, tower, config, variables), tower, config);
}

/** A tower among the variables of a program. */
export interface VariableOptions {
  /** Prefix of the tower's own names in the variables' names. Default: none. */
  prefix?: string;
  /** Image size that the positions are trained for, px. Default: that of the backbone. */
  trainedPx?: number;
}

/** A graph: normalised pixels [B, S, S, 3] -> features [B, F], any B. */
type FeatureGraph = GraphFunction<"images", tf.Tensor>;

function traceFeatures(
  program: Program,
  tower: Tower,
  { imageSize, precision, parts, ...settings }: FeatureSettings & { parts?: number },
  { prefix = "", trainedPx = imageSize }: VariableOptions = {},
): FeatureGraph {
  const names = program.variableNames.filter((name) => name.startsWith(prefix) && !isOfOptimizer(name));
  return withFreeBatch("features", (batch) =>
    program.function(
      `features${batch}`,
      ({ images }, variables) => {
        const weights = Object.fromEntries(
          names.map((name) => [name.slice(prefix.length), variables.read(name)]),
        );
        const { lastBlocks, patchPooling, gemPower, loraAlpha } = settings;
        const options = { lastBlocks, patchPooling, gemPower, precision, parts };
        if (trainedPx !== imageSize)
          weights.positional_embedding = positionsAt(
            weights.positional_embedding!,
            tower,
            trainedPx,
            imageSize,
          );
        return vitFeatures(mergeAdapters(weights, loraAlpha), images as tf.Tensor4D, tower, options);
      },
      { images: { shape: [batch, imageSize, imageSize, 3] } },
    ),
  );
}

/** Resamples positions that were trained at an image size for another one, [N, D] -> [N', D]; while tracing. */
function positionsAt(positions: tf.Tensor, tower: Tower, trainedPx: number, wantedPx: number): tf.Tensor {
  const trained = { ...tower, positionGrid: patchGrid(tower, trainedPx) };
  const matrix = resamplingMatrix(trained, patchGrid(tower, wantedPx));
  const rows = positions.shape[0]!;
  return tf.matMul(tf.tensor2d(matrix, [matrix.length / rows, rows]), positions as tf.Tensor2D);
}

function backboneWith(
  extract: FeatureGraph,
  tower: Tower,
  { imageSize, lastBlocks, patchPooling }: FeatureSettings,
  runsAtOnce = 1,
): Omit<Backbone, "dispose"> {
  const length = featureLength(tower, { lastBlocks, patchPooling });
  const pixelsPerImage = imageSize * imageSize * 3;
  const features = async (pixels: Float32Array) => {
    const count = pixels.length / pixelsPerImage;
    const all = rowsIn(pixels, count);
    const result = zeroVectors(count, length);
    const batch = Math.ceil(Math.min(count, BATCH_SIZE) / runsAtOnce);
    const images = Math.max(batch, Math.min(SHARED_IMAGES, count));
    const starts = Array.from({ length: Math.ceil(count / images) }, (_, run) => run * images);
    await mapConcurrently(starts, runsAtOnce, async (start) => {
      const { data, count: B } = sliceRows(all, start, start + images);
      const shape = [B, imageSize, imageSize, 3];
      const rows = await extract.run({ images: { dtype: "float32", shape, data } });
      setRows(result, start, floatsOf(rows));
    });
    return result.data;
  };
  return { tower, length, features };
}
