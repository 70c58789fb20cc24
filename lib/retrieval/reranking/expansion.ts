// Query expansion and database-side augmentation: rows moved towards their neighbours. Shapes: Q queries, N index rows,
// E numbers per row, n neighbours.
import { rowOf, setRows, type Vectors, zeroVectors } from "../../common/vectors";
import { type Neighbours, nearestNeighbours } from "../neighbours";
import type { SearchIndex } from "../resident_index";

/** How a row is moved towards its nearest neighbours. */
export interface Expansion {
  /** Number of neighbours n. */
  neighbours: number;
  /** Power of a neighbour's cosine in its weight: 0 is average query expansion (Chum et al. 2007). */
  power: number;
}

/** The expansions that the methods use, chosen by `npm run bench rerank`. */
export const EXPANSIONS = {
  /** Plain mean of a query and its first two results. */
  average: { neighbours: 2, power: 0 },
  /** Alpha query expansion, alpha 1 (Radenovic et al. 2018 take 3, for cosines nearer to 1). */
  alpha: { neighbours: 2, power: 1 },
  /** A row of the index and its three nearest others. */
  rows: { neighbours: 3, power: 1 },
} as const satisfies Record<string, Expansion>;

/**
 * Returns each row's unit vector plus those of its first n neighbours, each times max(cosine, 0)^power; as unit vectors,
 * [Q, E]. A row of zeros stays one.
 * @param found the neighbours of every row among `index`; a list may be shorter than n
 * @see Radenovic, Tolias, Chum, "Fine-tuning CNN Image Retrieval with No Human Annotation", 2018 (alphaQE)
 * @example
 * expandRows(queries, await nearestNeighbours(queries, index, 3), index, EXPANSIONS.alpha)
 */
export function expandRows(
  rows: Vectors,
  { positions, cosines }: Neighbours,
  index: Vectors,
  { neighbours, power }: Expansion,
): Vectors {
  const expanded = zeroVectors(rows.count, rows.length);
  for (let row = 0; row < rows.count; row++) {
    const sum = new Float64Array(rows.length);
    addUnit(sum, rowOf(rows, row), 1);
    for (const [rank, position] of positions[row]!.subarray(0, neighbours).entries())
      addUnit(sum, rowOf(index, position), Math.max(0, cosines[row]![rank]!) ** power);
    const length = lengthOf(sum);
    setRows(expanded, row, length > 0 ? sum.map((value) => value / length) : sum);
  }
  return expanded;
}

/** Adds a row's unit vector times a weight; a row of zeros adds nothing. */
function addUnit(sum: Float64Array, row: Float32Array, weight: number): void {
  const length = lengthOf(row);
  if (length === 0) return;
  for (let i = 0; i < row.length; i++) sum[i]! += (weight * row[i]!) / length;
}

function lengthOf(row: ArrayLike<number>): number {
  let squares = 0;
  for (let i = 0; i < row.length; i++) squares += row[i]! ** 2;
  return Math.sqrt(squares);
}

/**
 * Returns the rows of an index, each expanded by its nearest others, [N, E] (database-side augmentation).
 * @throws UserError for values that are not finite
 * @see Arandjelovic, Zisserman, "Three things everyone should know to improve object retrieval", 2012
 */
export async function augmentRows(rows: Vectors, expansion: Expansion): Promise<Vectors> {
  const depth = Math.min(expansion.neighbours, rows.count - 1);
  if (depth < 1) return rows;
  const found = await nearestNeighbours(rows, rows, depth, { own: "same" });
  return expandRows(rows, found, rows, expansion);
}

/**
 * Returns an index that searches twice: for a query, then for the query expanded by its first results.
 * @param rows the rows of `index`
 */
export function withExpandedQueries(index: SearchIndex, rows: Vectors, expansion: Expansion): SearchIndex {
  const { count, length } = index;
  const search: SearchIndex["search"] = async (queries, k) => {
    const found = await index.search(queries, Math.min(expansion.neighbours, count));
    return index.search(expandRows(queries, found, rows, expansion), k);
  };
  return { count, length, search };
}
