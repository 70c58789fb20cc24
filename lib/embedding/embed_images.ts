// Embeds features and scores them, by classification over the training classes and by retrieval.
// Shapes: N images, F features, E embedding length, C classes.
import { UserError } from "../common/errors";
import { checkInterrupt } from "../common/interrupt";
import { pickLabels, rowRange } from "../common/labels";
import { setRows, sliceRows, type Vectors, zeroVectors } from "../common/vectors";
import type { LossSettings } from "../config/loss";
import type { ClassRowSettings } from "../config/model";
import { tf } from "../engine/native/tf";
import { marginLoss } from "../model/arcface";
import { cosinesOf, unitVectors } from "../model/embedding_model";
import { cosinesWithinDataSets } from "../model/head";
import type { Weights } from "../model/vit";
import { TRANSFORM_NAMES } from "../model/weight_names";
import { bootstrapMeans, type Interval, intervalOf } from "../retrieval/bootstrap";
import { type QueryScores, type RetrievalScores, scoreQueries, scoreRetrieval } from "../retrieval/metrics";
import { nearestNeighbours } from "../retrieval/neighbours";

const ROWS_PER_BLOCK = 256;

/** Classification scores over the training classes. */
export interface ClassificationScores {
  loss: number;
  top1: number;
  top5: number;
  images: number;
}

/**
 * Computes loss (with scale s, without margin), top-1 and top-5 over all images, among all classes; among those of the
 * image's data set if the model has a head for each.
 * @param features [N, F]
 * @param labels [N]
 * @throws UserError if the number of labels differs from that of the features, or a label is not a class of the head
 */
export async function classify(
  weights: Weights,
  features: Vectors,
  labels: ArrayLike<number>,
  config: Pick<LossSettings, "s"> & ClassRowSettings,
): Promise<ClassificationScores> {
  if (labels.length !== features.count) {
    throw new UserError(`Expected a class for each of ${features.count} images, got ${labels.length}.`);
  }
  let [loss, top1, top5] = [0, 0, 0];
  for (let start = 0; start < features.count; start += ROWS_PER_BLOCK) {
    await checkInterrupt();
    const block = sliceRows(features, start, start + ROWS_PER_BLOCK);
    const truth = pickLabels(labels, rowRange(start, start + block.count));
    const [blockLoss, best] = tf.tidy(() => {
      const ofAll = cosinesOf(weights, tensorOf(block), config);
      requireClasses(truth, ofAll.shape[1]);
      const labels = tf.tensor1d(truth, "int32");
      const cosines = cosinesWithinDataSets(weights, ofAll, labels);
      const mean = marginLoss(cosines, labels, { loss: "CosFace", s: config.s, margin: 0 });
      const ranked = tf.topk(cosines, Math.min(5, cosines.shape[1])).indices;
      return [mean.dataSync()[0]!, ranked.arraySync() as number[][]] as const;
    });
    loss += blockLoss * block.count;
    for (const [row, ranked] of best.entries()) {
      if (ranked[0] === truth[row]) top1++;
      if (ranked.includes(truth[row]!)) top5++;
    }
  }
  const images = features.count;
  return { loss: loss / images, top1: top1 / images, top5: top5 / images, images };
}

/** Throws UserError for a label that is not a class of the head, whose loss would be meaningless. */
function requireClasses(labels: Int32Array, classCount: number): void {
  const other = labels.find((label) => label < 0 || label >= classCount);
  if (other === undefined) return;
  throw new UserError(
    `Expected classes 0 .. ${classCount - 1}, the head's classes, got an image of class ${other}.`,
    "Evaluate with the table that the run was trained on.",
  );
}

/** Returns vectors of unit length, by the neck or the fitted map of a model. features [N, F] -> [N, E]. */
export async function embedFeatures(weights: Weights, features: Vectors): Promise<Vectors> {
  const length = weights[TRANSFORM_NAMES[1]]?.shape[1] ?? weights["neck.bias"]!.shape[0]!;
  const embedded = zeroVectors(features.count, length);
  for (let start = 0; start < features.count; start += ROWS_PER_BLOCK) {
    await checkInterrupt();
    const block = tf.tidy(() =>
      unitVectors(weights, tensorOf(sliceRows(features, start, start + ROWS_PER_BLOCK))),
    );
    setRows(embedded, start, block.dataSync() as Float32Array);
    block.dispose();
  }
  return embedded;
}

/** Vectors of queries and index with their classes. */
export interface RetrievalSet {
  queries: Vectors;
  queryLabels: ArrayLike<number>;
  index: Vectors;
  indexLabels: ArrayLike<number>;
  /** Position of each query in the index, as in `RetrievalFiles`. */
  own?: ArrayLike<number> | undefined;
}

/** Returns retrieval scores by cosine. */
export async function scoreRetrievalSet(set: RetrievalSet): Promise<RetrievalScores> {
  const { queryLabels, indexLabels, own } = set;
  return scoreRetrieval(await rankedFive(set), queryLabels, indexLabels, own);
}

/** Scores of each query, [Q]; NaN for queries without an expected image. */
export type ValuesByQuery = Pick<QueryScores["values"], "mp5" | "r1">;

/** Returns retrieval scores by cosine, and those of each query. */
export async function scoreEachQuery(
  set: RetrievalSet,
): Promise<RetrievalScores & { values: ValuesByQuery }> {
  const { queryLabels, indexLabels, own } = set;
  const positions = await rankedFive(set);
  const measures = ["mp5", "r1"] as const;
  const { values } = scoreQueries(positions, queryLabels, indexLabels, { measures, ownPositions: own });
  const scores = scoreRetrieval(positions, queryLabels, indexLabels, own);
  return { ...scores, values: { mp5: values.mp5, r1: values.r1 } };
}

/** Returns retrieval scores by cosine and those of each query, with their 95 % intervals by a bootstrap over classes. */
export async function scoreWithIntervals(
  set: RetrievalSet,
): Promise<RetrievalScores & { values: ValuesByQuery } & ScoreIntervals> {
  const scores = await scoreEachQuery(set);
  if (scores.queries === 0) return { ...scores, intervals: undefined };
  const means = bootstrapMeans(set.queryLabels, [scores.values.mp5, scores.values.r1]);
  const [mp5, r1] = means.map((samples) => intervalOf(samples));
  return { ...scores, intervals: { mp5: mp5!, r1: r1! } };
}

/** Intervals of retrieval scores; undefined if no query counts. */
interface ScoreIntervals {
  intervals: { mp5: Interval; r1: Interval } | undefined;
}

async function rankedFive({ queries, index, own }: RetrievalSet): Promise<readonly ArrayLike<number>[]> {
  return (await nearestNeighbours(queries, index, 5, { own })).positions;
}

function tensorOf({ data, count, length }: Vectors): tf.Tensor2D {
  return tf.tensor2d(data, [count, length]);
}
