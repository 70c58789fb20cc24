// Embeddings as places on a two-dimensional map. Shapes: N rows, E embedding length.
import { UMAP } from "umap-js";
import { UserError } from "../common/errors";
import { checkInterrupt } from "../common/interrupt";
import type { OnProgress } from "../common/progress";
import { randomStream } from "../common/random";
import { listRows, type Vectors } from "../common/vectors";
import { type Neighbours, nearestNeighbours } from "./neighbours";
import { fitPca, reduceRows } from "./reduction";

/** Rows on a map of two dimensions. */
export interface EmbeddingMap {
  /** Name for people: "UMAP". */
  name: string;
  /** [N, 2]. */
  places: Vectors;
  /** Returns the places of further rows, [M, E] -> [M, 2]; the map does not change. */
  place(rows: Vectors): Promise<Vectors>;
}

/** Options of a UMAP. */
export interface UmapOptions {
  /** Number of nearest rows that stay near a row: few for detail, many for the global structure. Default 15. */
  neighbours?: number;
  /** Smallest distance of points, on a map that is about 10 wide. Default 0.1. */
  minDistance?: number;
  seed?: number;
  onProgress?: OnProgress;
}

/**
 * Returns the map of the two directions in which the rows, [N, E], vary most; the same matrix projects further rows.
 * @example
 * const map = await pcaMap(vectors);
 */
export async function pcaMap(rows: Vectors): Promise<EmbeddingMap> {
  const reduction = await fitPca(rows, 2);
  const place = async (others: Vectors) => reduceRows(others, reduction);
  return { name: "PCA", places: await place(rows), place };
}

/**
 * Returns a UMAP (McInnes et al., arXiv 1802.03426) by cosine: neighbours stay neighbours, distances between groups
 * mean little. Neighbours come from our exact search. The layout (umap-js) starts from PCA, which preserves more of the
 * global structure than a random start (Kobak & Linderman, doi 10.1038/s41587-020-00809-z). The same seed gives the
 * same map. A further row is placed at the mean of its nearest rows, weighted by nearness, as UMAP's own transform
 * starts.
 * @param rows [N, E]
 * @throws UserError for fewer than four rows
 * @example
 * const map = await umapMap(vectors, { seed: 999 });
 */
export async function umapMap(rows: Vectors, options: UmapOptions = {}): Promise<EmbeddingMap> {
  const { minDistance = 0.1, seed = 0, onProgress } = options;
  if (rows.count < 4) throw new UserError(`A UMAP needs at least 4 rows; there are ${rows.count}.`);
  const k = Math.min(options.neighbours ?? 15, rows.count - 1);
  const random = randomStream(seed, "umap");
  const umap = new UMAP({ nNeighbors: k, minDist: minDistance, random: () => random.uniform() });
  const graph = withThemselves(await nearestNeighbours(rows, rows, k - 1, { own: "same" }));
  umap.setPrecomputedKNN(graph.positions, graph.distances);
  const epochs = umap.initializeFit(listOf(rows));
  const layout = umap.getEmbedding();
  startFrom(layout, (await pcaMap(rows)).places);
  for (let epoch = 1; epoch <= epochs; epoch++) {
    umap.step();
    if (epoch % 10 !== 0 && epoch < epochs) continue;
    onProgress?.({ stage: "UMAP", done: epoch, total: epochs, unit: "epochs" });
    await checkInterrupt();
  }
  const places = { data: Float32Array.from(layout.flat()), count: rows.count, length: 2 };
  return { name: "UMAP", places, place: (others) => placeByNeighbours(others, rows, places, k) };
}

/** Adds each row as its own first neighbour, as UMAP expects. [N][k] */
function withThemselves({ positions, cosines }: Neighbours) {
  return {
    positions: positions.map((found, row) => [row, ...found]),
    distances: cosines.map((found) => [0, ...Array.from(found, distanceOf)]),
  };
}

/** Returns the distance of a cosine, which rounding can push above 1. */
const distanceOf = (cosine: number) => Math.max(0, 1 - cosine);

/** Width of the initial layout that UMAP's optimiser is made for. */
const START_WIDTH = 20;

/** Fills a layout with places, centred and scaled to the width that the optimiser expects. */
function startFrom(layout: number[][], { data }: Vectors): void {
  const widest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  for (const [row, point] of layout.entries()) {
    for (let axis = 0; axis < 2; axis++) point[axis] = (data[2 * row + axis]! / widest) * (START_WIDTH / 2);
  }
}

async function placeByNeighbours(
  others: Vectors,
  rows: Vectors,
  { data }: Vectors,
  k: number,
): Promise<Vectors> {
  const { positions, cosines } = await nearestNeighbours(others, rows, k);
  const places = positions.flatMap((found, other) => {
    const distances = Array.from(cosines[other]!, distanceOf);
    const beyond = distances.map((distance) => distance - distances[0]!);
    const scale = beyond.reduce((sum, distance) => sum + distance, 0) / k || 1;
    const weights = beyond.map((distance) => Math.exp(-distance / scale));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return [0, 1].map(
      (axis) =>
        weights.reduce((sum, weight, rank) => sum + weight * data[2 * found[rank]! + axis]!, 0) / total,
    );
  });
  return { data: Float32Array.from(places), count: others.count, length: 2 };
}

function listOf(vectors: Vectors): number[][] {
  return listRows(vectors).map((row) => Array.from(row));
}
