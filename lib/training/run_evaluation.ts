// What is measured at the end of an epoch.
import type { WeightKind } from "../checkpoints/store";
import type { Weights } from "../model/vit";
import { tf } from "../tensorflow/tf";
import { type ClassificationScores, classify, embedFeatures, scoreRetrievalSet } from "./evaluate";
import type { HeldOutScores } from "./metrics";
import type { Run } from "./run";
import { logLine } from "./run_folder";

/**
 * Validation and retrieval by the weights as they are now, and by their averages where there are any.
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

/** Neck and head of each kind of weights; the weights as they are come first. */
type Heads = readonly (readonly [WeightKind, Weights])[];

/** Loss, top-1 and top-5 over the validation fold. */
async function validate({ folder, config, setup, record }: Run, heads: Heads, epoch: number): Promise<void> {
  const { trainer, data, featuresOf } = setup;
  const { files, labels } = data.validation;
  if (files.length === 0) return;
  const [raw, averages] = await byKind(heads, async (kind, head): Promise<ClassificationScores> => {
    const scores = await classify(head, await featuresOf("validation", files, kind), labels, config);
    const shares = `top-1 ${percent(scores.top1)} top-5 ${percent(scores.top5)}`;
    logLine(folder, `Validation${ofKind(kind)}: epoch ${epoch} loss ${scores.loss.toFixed(4)} ${shares}`);
    return scores;
  });
  const { images, ...scores } = raw;
  const averaged = averages.map(([kind, { loss, top1, top5 }]) => [kind, { loss, top1, top5 }]);
  const position = { epoch, step: trainer.stepsDone };
  record({ kind: "validation", ...position, ...scores, images, ...Object.fromEntries(averaged) });
}

/** Retrieval on the held-out classes, where the data directory has them. */
async function retrieve({ folder, setup, record }: Run, heads: Heads, epoch: number): Promise<void> {
  const { trainer, data, featuresOf } = setup;
  if (!data.retrieval) return;
  const { queries, index } = data.retrieval;
  const [raw, averages] = await byKind(heads, async (kind, head) => {
    const { mp5, r1, ...counts } = await scoreRetrievalSet({
      queries: await embedFeatures(head, await featuresOf("queries", queries.files, kind)),
      queryLabels: queries.labels,
      index: await embedFeatures(head, await featuresOf("index", index.files, kind)),
      indexLabels: index.labels,
    });
    logLine(folder, `Retrieval${ofKind(kind)}: epoch ${epoch} mP@5 ${mp5.toFixed(3)} R@1 ${r1.toFixed(3)}`);
    return { scores: { mp5, r1 } as HeldOutScores, queries: counts.queries };
  });
  const averaged = averages.map(([kind, { scores }]) => [kind, scores]);
  const position = { epoch, step: trainer.stepsDone };
  record({
    kind: "retrieval",
    ...position,
    ...raw.scores,
    queries: raw.queries,
    ...Object.fromEntries(averaged),
  });
}

/** Measures each kind of weights: those of the weights as they are, then those of the averages. */
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

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
