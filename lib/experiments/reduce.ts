// Compares reduced backbone features with the full ones on the held-out classes.
import type { ProgressOptions } from "../common/progress";
import type { ComparisonSettings } from "../config/parts";
import type { BootstrapOptions } from "../retrieval/bootstrap";
import { type ComparisonRow, compareModels, type ModelVectors } from "../retrieval/evaluation";
import {
  fitPca,
  type Reduction,
  type ReductionKind,
  randomProjection,
  reduceRows,
} from "../retrieval/reduction";
import { retrievalLabels } from "./compare";
import { backboneVectors, heldOutFiles, modelVectors, requireModels } from "./ladder";

/** The kinds of reductions to a given length, in the order of the table. */
export const REDUCTION_KINDS = ["pca", "whitened", "random"] as const satisfies readonly ReductionKind[];

/** Reductions of a backbone's features by kind, and their comparison. */
export interface ReductionComparison {
  reductions: Record<(typeof REDUCTION_KINDS)[number], Reduction>;
  rows: ComparisonRow[];
}

/**
 * Fits PCA and PCA with whitening to the features of the training images, draws a random projection, and compares them
 * with the full features (the first row) and with trained runs, which have learned their reduction in the neck.
 * @param dimensions length of the reduced vectors
 * @example
 * const { rows } = await compareReductions(config, 64, ["demo_frozen"]);
 */
export async function compareReductions(
  config: ComparisonSettings,
  dimensions: number,
  runs: readonly string[] = [],
  { onProgress, ...options }: BootstrapOptions & ProgressOptions = {},
): Promise<ReductionComparison> {
  const files = await heldOutFiles(config.dataDir);
  await requireModels(config, runs, { onProgress });
  const { train, ...whole } = await backboneVectors(config, files, { onProgress });
  const reductions = {
    pca: await fitPca(train, dimensions),
    whitened: await fitPca(train, dimensions, true),
    random: randomProjection(train.length, dimensions, config.seed),
  };
  const models: ModelVectors[] = [{ name: `backbone, ${train.length}`, ...whole }];
  for (const kind of REDUCTION_KINDS) {
    const reduced = (set: "queries" | "index") => reduceRows(whole[set], reductions[kind]);
    models.push({ name: `${kind}, ${dimensions}`, queries: reduced("queries"), index: reduced("index") });
  }
  for (const run of runs) models.push(await modelVectors(config, run, files, { onProgress }));
  return {
    reductions,
    rows: await compareModels(models, await retrievalLabels(config.dataDir, files), options),
  };
}
