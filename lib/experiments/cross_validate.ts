// Cross-validated scores, for data with few classes: k folds over classes, leave-one-out over images.
// Shapes: N images, F features, E embedding length.
import { UserError } from "../common/errors";
import { checkInterrupt } from "../common/interrupt";
import { pickLabels } from "../common/labels";
import type { ProgressOptions } from "../common/progress";
import { randomStream } from "../common/random";
import { keysOf } from "../common/typed_keys";
import { pickRows, type Vectors } from "../common/vectors";
import type { TrainingSettings } from "../config/parts";
import { embedFeatures } from "../embedding/embed_images";
import { tf } from "../engine/native/tf";
import { standardisationBy, standardised } from "../features/standardise";
import {
  ALL_DATASETS,
  type ComparisonOptions,
  type ComparisonRow,
  compareScores,
  differenceFromFirst,
  isNextReference,
  type Reference,
} from "../retrieval/evaluation";
import { fitLda } from "../retrieval/lda";
import { expectedCounts, type QueryScores, scoreQueries } from "../retrieval/metrics";
import { nearestNeighbours } from "../retrieval/neighbours";
import { reduceRows } from "../retrieval/reduction";
import { fitWhitening } from "../retrieval/whitening";
import { trainNeck } from "../training/train_neck";

/** A model that was fitted to some images. */
export interface FittedModel {
  /** Returns vectors of features, [N, F] -> [N, E]. */
  embed(features: Vectors): Promise<Vectors>;
  dispose?(): void;
}

/** Fits a model to features [N, F] of classes 0 .. C - 1, [N]. */
export type Fit = (features: Vectors, labels: Int32Array) => Promise<FittedModel>;

/** Fits nothing: the features as they are. */
export const rawFit: Fit = async () => ({ embed: async (features) => features });

/** Fits mean and deviation of each feature, as the ladder's rung `backbone` does. */
export const standardisedFit: Fit = async (train) => {
  const standardisation = standardisationBy(train);
  return { embed: async (features) => standardised(features, standardisation) };
};

/** Fits a whitening. @throws UserError if there are too few images for it */
export const whitenedFit: Fit = async (train) => {
  const whitening = await fitWhitening(train);
  if (!whitening)
    throw new UserError(
      `${train.count} images are too few to whiten.`,
      "Add images, or leave this model out.",
    );
  return { embed: async (features) => reduceRows(features, whitening) };
};

/** Fits an LDA. @throws UserError for one class, or without two images of a class */
export const ldaFit: Fit = async (train, labels) => {
  const lda = await fitLda(train, labels);
  return { embed: async (features) => reduceRows(features, lda) };
};

/** Returns the fit that trains neck and head of a config of the frozen stage. */
export function neckFit(config: TrainingSettings): Fit {
  return async (train, labels) => {
    const weights = await trainNeck(config, train, labels);
    return { embed: (features) => embedFeatures(weights, features), dispose: () => tf.dispose(weights) };
  };
}

/** Options of a cross-validation. */
export interface CrossValidationOptions extends ComparisonOptions, ProgressOptions {
  /** Number of folds over the classes, at most their number. Default: 5. */
  folds?: number;
}

/** Fewest classes that can be divided into those to learn and those to score on. */
const LEAST_CLASSES = 2;

/**
 * Scores models by cross-validation. The classes are divided into k folds; each model is fitted k times, to the images
 * of the other folds, and every image of the fold searches all other images. So each class is scored by a model that
 * has not learned it, and all of them count. Rows are those of `compareModels`, intervals too.
 * @param features [N, F]
 * @param labels classes, [N]
 * @param models the fits by name; differences are from the first by default
 * @throws UserError for a single class, or if a model cannot be fitted
 * @example
 * const rows = await crossValidate(features, labels, { backbone: rawFit, whitened: whitenedFit });
 */
export async function crossValidate(
  features: Vectors,
  labels: ArrayLike<number>,
  models: Record<string, Fit>,
  { onProgress, ...options }: CrossValidationOptions = {},
): Promise<ComparisonRow[]> {
  const validation = new CrossValidation(features, labels, options);
  const rows: ComparisonRow[] = [];
  for (const name of keysOf(models))
    rows.push((await validation.score(name, models[name]!, { onProgress }))!);
  return rows;
}

/** Options of cross-validating one model. */
export interface ScoreOptions extends ProgressOptions {
  /** Returns the seconds that it may still take; default: no limit. */
  leftSeconds?: (() => number) | undefined;
  /** Expected time of a fold, for the decision before the first one. */
  foldSeconds?: number | undefined;
}

/** A cross-validation whose models come one after the other; each is compared with those before it. */
export class CrossValidation {
  readonly #features: Vectors;
  readonly #labels: ArrayLike<number>;
  readonly #parts: readonly number[][];
  readonly #options: Omit<CrossValidationOptions, "onProgress">;
  #first: Reference | undefined;
  #reference: Reference | undefined;

  /** @throws UserError for a single class */
  constructor(
    features: Vectors,
    labels: ArrayLike<number>,
    options: Omit<CrossValidationOptions, "onProgress"> = {},
  ) {
    this.#features = features;
    this.#labels = labels;
    this.#parts = divide(labels, options.folds ?? 5, options.seed ?? 0);
    this.#options = options;
  }

  /**
   * Scores a model.
   * @returns undefined if its folds would take longer than is left, by the expected time or the slowest fold so far
   * @throws UserError if the model cannot be fitted
   */
  async score(
    name: string,
    fit: Fit,
    { onProgress, leftSeconds = () => Number.POSITIVE_INFINITY, foldSeconds = 0 }: ScoreOptions = {},
  ): Promise<ComparisonRow | undefined> {
    const parts = this.#parts;
    const report = (done: number) =>
      onProgress?.({ stage: `cross-validate ${name}`, done, total: parts.length, unit: "folds" });
    const watch = foldWatch(parts.length, { leftSeconds, foldSeconds }, report);
    const scores = await scoreFolds(this.#features, this.#labels, fit, parts, watch);
    if (!scores) return undefined;
    const { against = "first", ...options } = this.#options;
    const row = rowOf(name, scores, this.#reference, options);
    if (against === "best") row.fromFirst = differenceFromFirst(scores, this.#first, options);
    this.#first ??= { name, scores };
    if (!this.#reference || isNextReference(row.scores, against)) this.#reference = { name, scores };
    return row;
  }
}

/** Returns a function that is called with the number of finished folds, and tells whether there is time for the rest. */
function foldWatch(
  total: number,
  { leftSeconds, foldSeconds }: { leftSeconds: () => number; foldSeconds: number },
  report: (done: number) => void,
) {
  let [lastMs, slowestSeconds] = [performance.now(), foldSeconds];
  return (done: number): boolean => {
    const nowMs = performance.now();
    if (done > 0) slowestSeconds = Math.max(slowestSeconds, (nowMs - lastMs) / 1000);
    lastMs = nowMs;
    if (slowestSeconds * (total - done) > leftSeconds()) return false;
    report(done);
    return true;
  };
}

/** Divides the classes into k folds, by the seed. @returns the positions of the images of each fold */
function divide(labels: ArrayLike<number>, folds: number, seed: number): number[][] {
  const classes = [...new Set(Array.from(labels))].sort((a, b) => a - b);
  if (classes.length < LEAST_CLASSES || folds < 2) {
    throw new UserError(
      `Expected ${LEAST_CLASSES} classes and 2 folds or more to cross-validate, got ${classes.length} and ${folds}.`,
      "Add images of another class, or search without training: npx guie serve.",
    );
  }
  const count = Math.min(folds, classes.length);
  const shuffled = randomStream(seed, "folds over classes").shuffle(classes);
  const foldOf = new Map(shuffled.map((label, place) => [label, place % count]));
  const parts: number[][] = Array.from({ length: count }, () => []);
  for (let row = 0; row < labels.length; row++) parts[foldOf.get(labels[row]!)!]!.push(row);
  return parts;
}

/** Scores every image by the model that was fitted without its class; undefined if `watch` finds no time for it. */
async function scoreFolds(
  features: Vectors,
  labels: ArrayLike<number>,
  fit: Fit,
  parts: readonly number[][],
  watch: (done: number) => boolean,
): Promise<QueryScores | undefined> {
  const all = Int32Array.from(labels);
  const own = all.map((_, row) => row);
  const expected = expectedCounts(all, all, own);
  const k = expected.reduce((most, count) => Math.max(most, count), 10);
  const positions: Int32Array[] = new Array(features.count);
  for (const [fold, queries] of parts.entries()) {
    await checkInterrupt();
    if (!watch(fold)) return undefined;
    const held = new Set(queries);
    const learned = [...own].filter((row) => !held.has(row));
    const model = await fit(pickRows(features, learned), renumbered(pickLabels(all, learned)));
    try {
      const vectors = await model.embed(features);
      const asked = pickRows(vectors, queries);
      const found = await nearestNeighbours(asked, vectors, k, { own: queries });
      for (const [place, row] of queries.entries()) positions[row] = found.positions[place]!;
    } finally {
      model.dispose?.();
    }
  }
  watch(parts.length);
  return scoreQueries(positions, all, all, { ownPositions: own });
}

/** Returns labels numbered from 0 without gaps, in their order. */
function renumbered(labels: Int32Array): Int32Array {
  const numbers = new Map([...new Set(labels)].sort((a, b) => a - b).map((label, number) => [label, number]));
  return labels.map((label) => numbers.get(label)!);
}

function rowOf(
  model: string,
  scores: QueryScores,
  reference: Reference | undefined,
  options: ComparisonOptions,
): ComparisonRow {
  const counts = Array.from(scores.expected, (count) => count > 0);
  const classes = new Set(Array.from(scores.labels).filter((_, row) => counts[row])).size;
  const queries = counts.filter(Boolean).length;
  return {
    model,
    against: reference?.name,
    dataset: ALL_DATASETS,
    index: "merged",
    queries,
    queriesWithoutMatch: counts.length - queries,
    classes,
    trainedOn: 0,
    scores: compareScores(scores, reference?.scores, options),
  };
}
