// Confusion between data sets. Shapes: Q queries, N index rows.
import { ALL_DATASETS } from "./evaluation";
import { expectedCounts } from "./metrics";

/** Wrong nearest neighbours of the queries of one data set. */
export interface DatasetConfusion {
  /** The queries' data set. */
  dataset: string;
  /** Number of queries with an expected image in the index. */
  queries: number;
  /** Number of them whose nearest neighbour is of another class. */
  wrong: number;
  /** Share of the wrong neighbours by their data set, 0..1. */
  shares: Record<string, number>;
}

/**
 * Returns the data sets of the wrong nearest neighbours, one row per data set of the queries, sorted by name.
 * @param neighbours [Q][k] positions in the index, best first, without the query itself
 * @param labels classes and data sets of queries [Q] and index [N]; without data sets, all belong to one
 * @example
 * datasetConfusion(neighbours.positions, { queryLabels, indexLabels, queryDatasets, indexDatasets })
 */
export function datasetConfusion(
  neighbours: readonly ArrayLike<number>[],
  labels: {
    queryLabels: ArrayLike<number>;
    indexLabels: ArrayLike<number>;
    queryDatasets?: readonly string[] | undefined;
    indexDatasets?: readonly string[] | undefined;
    ownPositions?: ArrayLike<number>;
  },
): DatasetConfusion[] {
  const { queryLabels, indexLabels, ownPositions } = labels;
  const ofOne = (list: ArrayLike<number>) => Array.from(list, () => ALL_DATASETS);
  const { queryDatasets = ofOne(queryLabels), indexDatasets = ofOne(indexLabels) } = labels;
  const expected = expectedCounts(queryLabels, indexLabels, ownPositions);
  const targets = [...new Set(indexDatasets)].sort();
  return [...new Set(queryDatasets)].sort().map((dataset) => {
    const asked = neighbours.flatMap((ranked, query) =>
      queryDatasets[query] === dataset && expected[query]! > 0 ? [{ nearest: ranked[0]!, query }] : [],
    );
    const wrong = asked.filter(({ nearest, query }) => indexLabels[nearest] !== queryLabels[query]);
    const shareOf = (target: string) =>
      wrong.filter(({ nearest }) => indexDatasets[nearest] === target).length / Math.max(1, wrong.length);
    const shares = Object.fromEntries(targets.map((target) => [target, shareOf(target)]));
    return { dataset, queries: asked.length, wrong: wrong.length, shares };
  });
}

/**
 * Returns one flat record per row, for tables of the data sets of wrong nearest neighbours.
 * @example
 * show(confusionTable(await confusionOnHeldOut(config, "demo_fine_tune")));
 */
export function confusionTable(rows: readonly DatasetConfusion[]): Record<string, string | number>[] {
  return rows.map(({ dataset, queries, wrong, shares }) => {
    const counts = Object.entries(shares).map(([target, share]) => [target, Math.round(share * wrong)]);
    return { queries: dataset, count: queries, wrong, ...Object.fromEntries(counts) };
  });
}
