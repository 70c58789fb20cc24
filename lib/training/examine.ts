// Examines single images during training: predicted class, margin, loss. Shapes: N images, F features, C classes.
import { checkInterrupt } from "../common/interrupt";
import { pickLabels } from "../common/labels";
import { sliceRows } from "../common/vectors";
import { tf } from "../engine/native/tf";
import { cosinesOf } from "../model/embedding_model";
import { cosinesWithinDataSets } from "../model/head";
import type { TrainingSetup } from "./build";

const ROWS_PER_BLOCK = 256;

/** An image with the model's prediction. */
export interface ExaminedImage {
  /** Path below the data directory. */
  file: string;
  label: number;
  /** The class with the largest cosine; of its own data set, if each has a head. */
  predicted: number;
  /** Cosine to its own class. */
  cosine: number;
  /** Cosine to its own class minus the largest cosine to another, -2..2; negative if the prediction is wrong. */
  margin: number;
  /** Cross-entropy of s times the cosines, without the ArcFace margin. */
  loss: number;
}

/**
 * Examines images with the current weights, without augmentation and dropout.
 * @param set the validation fold, or the training images
 * @param count maximum number of images, evenly spread over the table, each file once
 * @returns the images by descending loss
 * @example
 * const [hardest] = await examineImages(setup, "validation", 100);
 */
export async function examineImages(
  { trainer, data, featuresOf }: TrainingSetup,
  set: "validation" | "train" = "validation",
  count = 1000,
): Promise<ExaminedImage[]> {
  const { files, labels } = data[set];
  const rowOf = new Map<string, number>();
  const stride = Math.max(1, Math.floor(files.length / count));
  for (let row = 0; row < files.length && rowOf.size < count; row += stride) rowOf.set(files.at(row)!, row);
  const wanted = [...rowOf.keys()];
  const rows = [...rowOf.values()];
  const features = await featuresOf(set, rows);
  const truth = pickLabels(labels, rows);
  const head = await trainer.headWeights();
  try {
    const examined: ExaminedImage[] = [];
    for (let start = 0; start < wanted.length; start += ROWS_PER_BLOCK) {
      await checkInterrupt();
      const block = wanted.slice(start, start + ROWS_PER_BLOCK);
      const { data } = sliceRows(features, start, start + block.length);
      const cosines = tf.tidy(() => {
        const ofAll = cosinesOf(head, tf.tensor2d(data, [block.length, features.length]), trainer.config);
        const ofBlock = tf.tensor1d(truth.subarray(start, start + block.length), "int32");
        return cosinesWithinDataSets(head, ofAll, ofBlock).arraySync() as number[][];
      });
      for (const [i, file] of block.entries()) {
        examined.push({ file, ...judge(cosines[i]!, truth[start + i]!, trainer.config.s) });
      }
    }
    return examined.sort((a, b) => b.loss - a.loss);
  } finally {
    tf.dispose(head);
  }
}

/** Computes prediction, margin and loss of an image. @param cosines cosines to each class, [C] */
function judge(cosines: readonly number[], label: number, s: number): Omit<ExaminedImage, "file"> {
  const cosine = cosines[label]!;
  let [other, predicted] = [Number.NEGATIVE_INFINITY, label];
  for (const [place, value] of cosines.entries()) if (place !== label && value > other) other = value;
  if (other > cosine) predicted = cosines.indexOf(other);
  const largest = Math.max(cosine, other);
  const sum = cosines.reduce((total, value) => total + Math.exp(s * (value - largest)), 0);
  return {
    label,
    predicted,
    cosine,
    margin: cosine - Math.max(-1, other),
    loss: s * (largest - cosine) + Math.log(sum),
  };
}
