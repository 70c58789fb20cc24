// What is measured at the end of an epoch.
import type { Weights } from "../model/vit";
import { tf } from "../tensorflow/tf";
import { classify, embedFeatures, scoreRetrievalSet } from "./evaluate";
import type { Run } from "./run";
import { logLine } from "./run_folder";

/** Validation and retrieval by the weights as they are now. @param epoch the epoch that has ended, from 1 */
export async function evaluateRun(run: Run, epoch: number): Promise<void> {
  const head = await run.setup.trainer.headWeights();
  try {
    await validate(run, head, epoch);
    await retrieve(run, head, epoch);
  } finally {
    tf.dispose(head);
  }
}

/** Loss, top-1 and top-5 over the validation fold. */
async function validate({ folder, config, setup, record }: Run, head: Weights, epoch: number): Promise<void> {
  const { trainer, data, featuresOf } = setup;
  const { files, labels } = data.validation;
  if (files.length === 0) return;
  const scores = await classify(head, await featuresOf("validation", files), labels, config);
  record({ kind: "validation", epoch, step: trainer.stepsDone, ...scores });
  const shares = `top-1 ${percent(scores.top1)} top-5 ${percent(scores.top5)}`;
  logLine(folder, `Validation: epoch ${epoch} loss ${scores.loss.toFixed(4)} ${shares}`);
}

/** Retrieval on the held-out classes, where the data directory has them. */
async function retrieve({ folder, setup, record }: Run, head: Weights, epoch: number): Promise<void> {
  const { trainer, data, featuresOf } = setup;
  if (!data.retrieval) return;
  const { queries, index } = data.retrieval;
  const { mp5, r1, ...counts } = await scoreRetrievalSet({
    queries: await embedFeatures(head, await featuresOf("queries", queries.files)),
    queryLabels: queries.labels,
    index: await embedFeatures(head, await featuresOf("index", index.files)),
    indexLabels: index.labels,
  });
  record({ kind: "retrieval", epoch, step: trainer.stepsDone, mp5, r1, queries: counts.queries });
  logLine(folder, `Retrieval: epoch ${epoch} mP@5 ${mp5.toFixed(3)} R@1 ${r1.toFixed(3)}`);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
