// Evaluates a run at the end of an epoch: validation set, and retrieval on held-out classes.

import { pickLabels, rowRange } from "../common/labels";
import type { Vectors } from "../common/vectors";
import { percent } from "../common/words";
import {
  type ClassificationScores,
  classify,
  embedFeatures,
  scoreEachQuery,
  scoreWithIntervals,
  type ValuesByQuery,
} from "../embedding/embed_images";
import { tf } from "../engine/native/tf";
import type { Weights } from "../model/vit";
import type { WeightKind } from "../model/weight_names";
import type { HeldOutScores } from "../runs/metrics";
import { writeQueryScores } from "../runs/query_scores";
import type { Run } from "./active_run";
import { partOf } from "./ranks/ranks";

/**
 * Evaluates validation and retrieval with the current weights, and with their averages if there are any.
 * @param epoch the epoch that has ended, from 1
 */
export async function evaluateRun(run: Run, epoch: number): Promise<void> {
  const { trainer } = run.setup;
  const heads: [WeightKind, Weights][] = [];
  try {
    for (const kind of await trainer.weightKinds()) heads.push([kind, await trainer.headWeights(kind)]);
    await validate(run, heads, epoch);
    await retrieve(run, heads, epoch);
  } finally {
    tf.dispose(heads.map(([, head]) => head));
  }
}

/** Neck and head of each kind of weights; the raw weights come first. */
type Heads = readonly (readonly [WeightKind, Weights])[];

/** Records loss, top-1 and top-5 over the validation fold; every process evaluates its part. */
async function validate(run: Run, heads: Heads, epoch: number): Promise<void> {
  const { config, setup, record, log, ranks } = run;
  const { trainer, data, featuresOf } = setup;
  const { files, labels } = data.validation;
  if (files.length === 0) return;
  const [start, end] = partOf(files.length, ranks);
  const rows = rowRange(start, end);
  const truth = pickLabels(labels, rows);
  const [raw, averages] = await byKind(heads, async (kind, head): Promise<ClassificationScores> => {
    const features = await featuresOf("validation", rows, kind);
    const partScores = await classify(head, features, truth, config);
    const scores = (await ranks?.meanScores(partScores)) ?? partScores;
    const shares = `top-1 ${percent(scores.top1, 2)} top-5 ${percent(scores.top5, 2)}`;
    log(`Validation${ofKind(kind)}: epoch ${epoch} loss ${scores.loss.toFixed(4)} ${shares}`);
    return scores;
  });
  const { images, ...scores } = raw;
  const averaged = averages.map(([kind, { loss, top1, top5 }]) => [kind, { loss, top1, top5 }]);
  const position = { epoch, step: trainer.stepsDone };
  record({ kind: "validation", ...position, ...scores, images, ...Object.fromEntries(averaged) });
}

/** Records retrieval on the held-out classes, if there are any, and keeps the scores of each query; the chief scores. */
async function retrieve(run: Run, heads: Heads, epoch: number): Promise<void> {
  const { setup, record, log, ranks } = run;
  const { trainer, data } = setup;
  if (!data.retrieval) return;
  const { queries, index, own } = data.retrieval;
  const sets = await byKind(heads, async (kind, head) => ({
    queries: await embedSet(run, head, "queries", queries.files.length, kind),
    queryLabels: queries.labels,
    index: await embedSet(run, head, "index", index.files.length, kind),
    indexLabels: index.labels,
    own,
  }));
  if (ranks && !ranks.isChief) return;
  const said = (kind: WeightKind, { mp5, r1 }: HeldOutScores): HeldOutScores => {
    log(`Retrieval${ofKind(kind)}: epoch ${epoch} mP@5 ${mp5.toFixed(3)} R@1 ${r1.toFixed(3)}`);
    return { mp5, r1 };
  };
  const raw = await scoreWithIntervals(sets[0]);
  const scores = said("raw", raw);
  const averaged: [WeightKind, HeldOutScores][] = [];
  const byQuery = new Map<WeightKind, ValuesByQuery>([["raw", raw.values]]);
  for (const [kind, set] of sets[1]) {
    const { values, ...scored } = await scoreEachQuery(set);
    averaged.push([kind, said(kind, scored)]);
    byQuery.set(kind, values);
  }
  await writeQueryScores(run.folder, { files: queries.files, labels: queries.labels, byKind: byQuery });
  const position = { epoch, step: trainer.stepsDone };
  record({
    kind: "retrieval",
    ...position,
    ...scores,
    queries: raw.queries,
    intervals: raw.intervals,
    on: run.scoredOn,
    untrained: run.untrained,
    ...Object.fromEntries(averaged),
  });
}

/** Embeds a set of images: every process embeds its part, and receives all embeddings. */
async function embedSet(
  { config, setup, ranks }: Run,
  head: Weights,
  set: "queries" | "index",
  count: number,
  kind: WeightKind,
): Promise<Vectors> {
  const featuresOf = (rows?: Int32Array) => setup.featuresOf(set, rows, kind);
  if (!ranks) return embedFeatures(head, await featuresOf());
  // Features of a frozen backbone are cached in one file for all images
  if (config.stage === "frozen") return embedFeatures(head, await ranks.chiefFirst(() => featuresOf()));
  const [start, end] = partOf(count, ranks);
  const part = await embedFeatures(head, await featuresOf(rowRange(start, end)));
  return ranks.gatherVectors(part, count);
}

/** Measures each kind of weights. @returns the result of the raw weights, and those of the averages */
async function byKind<T>(
  heads: Heads,
  measure: (kind: WeightKind, head: Weights) => Promise<T>,
): Promise<[raw: T, averages: (readonly [WeightKind, T])[]]> {
  const all: (readonly [WeightKind, T])[] = [];
  for (const [kind, head] of heads) all.push([kind, await measure(kind, head)]);
  const [raw, ...averages] = all;
  return [raw![1], averages];
}

function ofKind(kind: WeightKind): string {
  return kind === "raw" ? "" : ` (${kind.toUpperCase()})`;
}
