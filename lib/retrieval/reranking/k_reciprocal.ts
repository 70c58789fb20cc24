// Re-ranking by k-reciprocal neighbours. Shapes: Q queries, N index rows, E numbers per row.
import { checkInterrupt } from "../../common/interrupt";
import { rowOf, type Vectors } from "../../common/vectors";
import { type Neighbours, nearestNeighbours } from "../neighbours";
import type { SearchIndex } from "../resident_index";
import { JaccardSpace, type RowNeighbours } from "./jaccard";

/** Numbers of the method, by the names of the paper. */
export interface KReciprocal {
  /** Number of neighbours among which two rows must find each other. */
  k1: number;
  /** Number of rows, with the row itself, whose encodings are averaged. */
  k2: number;
  /** Share of the original distance in the final one. */
  lambda: number;
  /** Number of first results that are ordered anew. */
  shortlist: number;
}

/** Numbers for some ten images of a class, chosen by `npm run bench rerank`; a shortlist that a service's index can return. */
export const K_RECIPROCAL: KReciprocal = { k1: 10, k2: 3, lambda: 0.5, shortlist: 100 };

/**
 * Returns an index that orders the first results of another one anew: by the Jaccard distance of k-reciprocal
 * neighbours, mixed with the original distance. Each query sees the index and itself alone, no other query. Cosines stay those of the
 * index.
 * @param rows the rows of `index`; their neighbours are searched once, here
 * @throws UserError for values that are not finite
 * @see Zhong, Zheng, Cao, Li, "Re-ranking Person Re-identification with k-reciprocal Encoding", CVPR 2017
 */
export async function withKReciprocal(
  index: SearchIndex,
  rows: Vectors,
  options: KReciprocal = K_RECIPROCAL,
): Promise<SearchIndex> {
  const graph = await neighbourGraph(rows, options.k1);
  const search: SearchIndex["search"] = async (queries, k) => {
    const depth = Math.min(index.count, Math.max(k, options.shortlist, options.k1 + 1));
    const [near, far] = [await index.search(queries, depth), await index.search(negated(queries), 1)];
    const found: Neighbours = { positions: [], cosines: [] };
    for (let query = 0; query < queries.count; query++) {
      await checkInterrupt();
      const own = {
        positions: near.positions[query]!,
        cosines: near.cosines[query]!,
        farthest: -far.cosines[query]![0]!,
      };
      const order = orderOf(new JaccardSpace(rows, graph, rowOf(queries, query), own, options), own, options);
      found.positions.push(Int32Array.from(order.slice(0, k), (rank) => own.positions[rank]!));
      found.cosines.push(Float32Array.from(order.slice(0, k), (rank) => own.cosines[rank]!));
    }
    return found;
  };
  return { count: index.count, length: index.length, search };
}

/** Searches the k nearest other rows of every row, and the cosine of its farthest row. */
async function neighbourGraph(rows: Vectors, k: number): Promise<RowNeighbours[]> {
  const near = await nearestNeighbours(rows, rows, k, { own: "same" });
  const far = await nearestNeighbours(negated(rows), rows, 1);
  return near.positions.map((positions, row) => ({
    positions,
    cosines: near.cosines[row]!,
    farthest: -far.cosines[row]![0]!,
  }));
}

function negated({ data, ...shape }: Vectors): Vectors {
  return { ...shape, data: data.map((value) => -value) };
}

/** Returns the ranks of the results in their new order; those after the shortlist keep their places. */
function orderOf(space: JaccardSpace, own: RowNeighbours, { lambda, shortlist }: KReciprocal): number[] {
  const ranks = Array.from(own.positions, (_, rank) => rank);
  const first = ranks.slice(0, shortlist);
  const distances = first.map(
    (rank) =>
      (1 - lambda) * space.jaccard(own.positions[rank]!) +
      lambda * space.distance(own.cosines[rank]!, own.farthest),
  );
  first.sort((a, b) => distances[a]! - distances[b]! || a - b);
  return [...first, ...ranks.slice(shortlist)];
}
