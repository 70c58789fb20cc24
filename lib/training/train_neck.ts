// Trains neck and head on features in memory, without a run on disk. Shapes: N images, F features.
import { checkInterrupt } from "../common/interrupt";
import type { Vectors } from "../common/vectors";
import type { TrainingSettings } from "../config/parts";
import type { Weights } from "../model/vit";
import { frozenTrainer } from "./build";
import { requireLearnable } from "./data/learnable";

/**
 * Trains neck and head from fresh weights on features, and returns their weights; the caller disposes of them.
 * @param config a config of the frozen stage; the number of steps follows from it and N
 * @param features [N, F]
 * @param labels classes 0 .. C - 1 without gaps, [N]
 * @throws UserError if nothing can be learned from these images
 */
export async function trainNeck(
  config: TrainingSettings,
  features: Vectors,
  labels: Int32Array,
): Promise<Weights> {
  const files = Array.from({ length: features.count }, (_, row) => `row ${row}`);
  const data = {
    train: { files, labels },
    validation: { files: [], labels: [] },
    classCount: new Set(labels).size,
    retrieval: undefined,
  };
  requireLearnable(data, config, "the features");
  const trainRows = Int32Array.from(files, (_, row) => row);
  const trainer = await frozenTrainer({ ...config, initFrom: "" }, { data, features, trainRows });
  try {
    while (await trainer.step()) await checkInterrupt();
    return await trainer.headWeights();
  } finally {
    trainer.dispose();
  }
}
