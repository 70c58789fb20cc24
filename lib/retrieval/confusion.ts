// Which data sets are taken for each other. Shapes: Q queries, N index rows.
import { ALL_DATASETS } from "./evaluation";
import { expectedCounts } from "./metrics";

/** Wrong nearest neighbours of the queries of one data set. */
export interface DatasetConfusion {
  /** The queries' data set. */
  dataset: string;
  /** Queries with an expected image in the index. */
  queries: number;
  /** Those whose nearest neighbour is of another class. */
  wrong: number;
  /** By data set of that neighbour: its share of the wrong ones, 0..1. */
  shares: Record<string, number>;
}

/**
 * For the queries of each data set, where their wrong nearest neighbours come from. One row a data set, sorted by name.
 * @param neighbours [Q][k] positions in the index, best first, the query itself left out
 * @param labels classes and data sets of queries [Q] and index [N]; without data sets all are of one
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
 * One flat record a row, for tables: where the wrong nearest neighbours of a data set's queries come from.
 * @example
 * show(confusionTable(await confusionOnHeldOut(config, "demo_fine_tune")));
 */
export function confusionTable(rows: readonly DatasetConfusion[]): Record<string, string | number>[] {
  return rows.map(({ dataset, queries, wrong, shares }) => {
    const counts = Object.entries(shares).map(([target, share]) => [target, Math.round(share * wrong)]);
    return { queries: dataset, count: queries, wrong, ...Object.fromEntries(counts) };
  });
}
