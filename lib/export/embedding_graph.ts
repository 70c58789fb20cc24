// Graphs of a model for any batch size. Shapes: B images, S side of the model's input, E numbers of a vector.
import type { ModelSettings, PatchPoolingSettings } from "../config/model";
import { tf } from "../engine/native/tf";
import { withFreeBatch } from "../engine/program/free_batch";
import type { GraphFunction } from "../engine/program/graph_function";
import type { Program } from "../engine/program/program";
import type { TracedVariables } from "../engine/program/traced_variables";
import { tracedFor } from "../engine/tracing/fused";
import { normalisePixels, resizeToInput } from "../images/resize_graph";
import { towerFeatures, unitVectors } from "../model/embedding_model";
import type { Tower } from "../model/tower";
import type { Weights } from "../model/vit";

/** Everything that an exported graph depends on. */
export interface EmbeddingGraph {
  tower: Tower;
  config: Pick<ModelSettings, "imageSize" | "resizeMode" | "lastBlocks"> & PatchPoolingSettings;
  /** Average the features of each image and its mirror image. */
  mirror: boolean;
}

type Traced<Input extends string> = GraphFunction<Input, tf.Tensor>;

/**
 * Traces uint8 [B, H, W, 3] of any size -> unit vectors [B, E]: resize, normalisation, tower, and neck or fitted map. It uses only
 * TensorFlow's own operations that every device and build has.
 */
export function traceImageEmbedding(program: Program, graph: EmbeddingGraph): Traced<"images"> {
  const { tower, config } = graph;
  const traceAt = (batch: number) =>
    program.function(
      `images${batch}`,
      ({ images }, variables) => {
        const pixels = resizeToInput(images, config.imageSize, config.resizeMode);
        return embed(graph, readAll(variables), normalisePixels(pixels, tower));
      },
      { images: { shape: [batch, null, null, 3], dtype: "uint8" } },
    );
  return tracedFor("any", () => withFreeBatch("embed", traceAt));
}

/** Traces normalised float32 [B, 3, S, S], the layout of other libraries -> unit vectors [B, E]. */
export function traceTensorEmbedding(program: Program, graph: EmbeddingGraph): Traced<"pixel_values"> {
  const side = graph.config.imageSize;
  const traceAt = (batch: number) =>
    program.function(
      `pixels${batch}`,
      ({ pixel_values }, variables) =>
        embed(graph, readAll(variables), tf.transpose(pixel_values as tf.Tensor4D, [0, 2, 3, 1])),
      { pixel_values: { shape: [batch, 3, side, side] } },
    );
  return tracedFor("cpu", () => withFreeBatch("embed", traceAt));
}

function readAll(variables: TracedVariables): Weights {
  return Object.fromEntries(variables.names.map((name) => [name, variables.read(name)]));
}

/** Computes normalised pixels [B, S, S, 3] -> unit vectors [B, E]. */
function embed({ tower, config, mirror }: EmbeddingGraph, weights: Weights, pixels: tf.Tensor4D): tf.Tensor {
  const { lastBlocks, patchPooling, gemPower } = config;
  const features = towerFeatures(tower, { lastBlocks, patchPooling, gemPower });
  if (!mirror) return unitVectors(weights, features(weights, pixels));
  const both = features(weights, tf.concat([pixels, tf.reverse(pixels, 2)], 0));
  const [plain, mirrored] = tf.split(both, 2, 0) as [tf.Tensor2D, tf.Tensor2D];
  return unitVectors(weights, tf.mul(tf.add(plain, mirrored), 0.5));
}
