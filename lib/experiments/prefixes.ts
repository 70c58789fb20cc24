// Scores of the first parts of vectors: what a short vector costs. Shapes: N rows, E numbers of a vector, m of a prefix.
import { rowOf, type Vectors, zeroVectors } from "../common/vectors";
import { scoreRetrievalSet } from "../embedding/embed_images";
import type { ModelVectors } from "../retrieval/evaluation";
import { seekCheckpoint } from "../runs/checkpoint_ref";
import { readRunConfig } from "../runs/run_folder";
import type { RetrievalFiles } from "../training/data/run_data";

/** The scores of the first numbers of a model's vectors. */
export interface PrefixScores {
  /** m. */
  length: number;
  mp5: number;
  r1: number;
}

/** Returns the lengths that a run was trained for (`matryoshka`); none for another model. */
export function trainedPrefixes(model: string): readonly number[] {
  const checkpoint = seekCheckpoint(model);
  return checkpoint ? readRunConfig(checkpoint.folder).matryoshka : [];
}

/** Scores the first numbers of a model's vectors, by their cosines; lengths of the whole vector or more are left out. */
export async function scorePrefixes(
  { queries, index }: ModelVectors,
  files: RetrievalFiles,
  lengths: readonly number[],
): Promise<PrefixScores[]> {
  const scores: PrefixScores[] = [];
  for (const length of lengths.filter((length) => length < queries.length)) {
    const { mp5, r1 } = await scoreRetrievalSet({
      queries: firstNumbers(queries, length),
      queryLabels: files.queries.labels,
      index: firstNumbers(index, length),
      indexLabels: files.index.labels,
      own: files.own,
    });
    scores.push({ length, mp5, r1 });
  }
  return scores;
}

/** Returns the first numbers of each vector. [N, E] -> [N, m]. */
function firstNumbers(vectors: Vectors, length: number): Vectors {
  const first = zeroVectors(vectors.count, length);
  for (let row = 0; row < vectors.count; row++)
    rowOf(first, row).set(rowOf(vectors, row).subarray(0, length));
  return first;
}
