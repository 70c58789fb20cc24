// The embedding atlas: every image of the retrieval set as a point on a map.
import { join } from "node:path";
import type { OnProgress } from "../../common/progress";
import { projectPath } from "../../common/project";
import { randomStream } from "../../common/random";
import { listRows, pickRows, stackRows, type Vectors } from "../../common/vectors";
import { type EmbeddingMap, pcaMap, umapMap } from "../../retrieval/embedding_map";
import type { RetrievalLabels } from "../../retrieval/evaluation";
import { type Neighbours, nearestNeighbours } from "../../retrieval/neighbours";
import type { RetrievalFiles } from "../../training/data/run_data";

/** One image on the map. */
export interface AtlasPoint {
  /** Path of the image. */
  image: string;
  label: number;
  className: string;
  /** "" if the retrieval set has no data sets. */
  dataset: string;
  role: "query" | "index";
  /** Its row in the queries or in the index of the retrieval set, from 0. */
  index: number;
  /** For a query: class of its nearest index image, and whether it is the query's own class. */
  nearest?: { isRight: boolean; className: string };
}

/** An index image near another image. */
export interface AtlasNeighbour {
  image: AtlasPoint;
  cosine: number;
  /** Its position in the atlas's points; -1 if it was not drawn. */
  place: number;
}

/** Points and their maps, for `atlasView`. */
export interface Atlas {
  /** The data directory. */
  dataDir: string;
  points: AtlasPoint[];
  /** Maps; the first one is shown first. */
  maps: EmbeddingMap[];
  /** Number of images in the retrieval set; more than points if only some are shown. */
  imageCount: number;
  /** Returns the nearest index images of a point (by its position), which is not among them, or of a vector [1, E]. */
  nearest(of: number | Vectors, k: number): Promise<AtlasNeighbour[]>;
}

/** Data of an atlas: the retrieval set, its embeddings, and the found neighbours. */
export interface AtlasSource {
  dataDir: string;
  files: RetrievalFiles;
  queries: Vectors;
  index: Vectors;
  neighbours: Neighbours;
  labels: RetrievalLabels;
  classNames?: ReadonlyMap<number, string>;
}

/** Options of `buildAtlas`. */
export interface AtlasOptions {
  seed?: number;
  /** Most points (default: 4,000); of more images the seed draws this many. */
  maxPoints?: number;
  onProgress?: OnProgress;
}

const MAX_POINTS = 4000;
/** UMAP's `min_dist`: larger than its usual 0.1, so that the mouse can hit each point of a class. */
const MIN_DISTANCE = 0.2;

/**
 * Lays out queries and index of a retrieval set by UMAP and by PCA. The same seed gives the same atlas.
 * @example
 * const atlas = await buildAtlas(source, { seed: 999 });
 */
export async function buildAtlas(source: AtlasSource, options: AtlasOptions = {}): Promise<Atlas> {
  const { seed = 0, maxPoints = MAX_POINTS, onProgress } = options;
  const points = pointsOf(source);
  const chosen = chooseRows(points.length, maxPoints, seed);
  const all = [...listRows(source.queries), ...listRows(source.index)];
  const rows = stackRows(
    chosen.map((row) => all[row]!),
    source.index.length,
  );
  const maps = [await umapMap(rows, { minDistance: MIN_DISTANCE, seed, onProgress }), await pcaMap(rows)];
  const shown = chosen.map((row) => points[row]!);
  const nearest = nearestOf(source, points, chosen);
  return { dataDir: source.dataDir, points: shown, maps, imageCount: points.length, nearest };
}

/** Returns the search of an atlas. @param chosen the rows of `points` that are shown */
function nearestOf(
  { queries, index }: AtlasSource,
  points: readonly AtlasPoint[],
  chosen: readonly number[],
): Atlas["nearest"] {
  const placeOf = new Map(chosen.map((row, place) => [row, place]));
  return async (of, k) => {
    const row = typeof of === "number" ? chosen[of]! : -1;
    const own = row - queries.count;
    const vector = typeof of !== "number" ? of : own < 0 ? pickRows(queries, [row]) : pickRows(index, [own]);
    const most = Math.min(k, index.count - (own >= 0 ? 1 : 0));
    if (most < 1) return [];
    const found = await nearestNeighbours(vector, index, most, { own: [Math.max(-1, own)] });
    return Array.from(found.positions[0]!, (position, rank) => ({
      image: points[queries.count + position]!,
      cosine: found.cosines[0]![rank]!,
      place: placeOf.get(queries.count + position) ?? -1,
    }));
  };
}

/** Returns the points: queries first, then the index. */
function pointsOf({ dataDir, files, neighbours, labels, classNames }: AtlasSource): AtlasPoint[] {
  const folder = projectPath(dataDir);
  const nameOf = (label: number) => classNames?.get(label) ?? `class ${label}`;
  const pointOf = (role: AtlasPoint["role"], row: number): AtlasPoint => {
    const set = role === "query" ? files.queries : files.index;
    const datasets = role === "query" ? labels.queryDatasets : labels.indexDatasets;
    const label = set.labels[row]!;
    return {
      image: join(folder, set.files[row]!),
      label,
      className: nameOf(label),
      dataset: datasets?.[row] ?? "",
      role,
      index: row,
    };
  };
  const queries = files.queries.files.map((_, row): AtlasPoint => {
    const nearest = files.index.labels[neighbours.positions[row]![0]!]!;
    const isRight = nearest === files.queries.labels[row];
    return { ...pointOf("query", row), nearest: { isRight, className: nameOf(nearest) } };
  });
  return [...queries, ...files.index.files.map((_, row) => pointOf("index", row))];
}

/** Returns all rows, or `most` random ones, in ascending order. */
function chooseRows(count: number, most: number, seed: number): number[] {
  const rows = Array.from({ length: count }, (_, row) => row);
  if (count <= most) return rows;
  return randomStream(seed, "atlas")
    .shuffle(rows)
    .slice(0, most)
    .sort((a, b) => a - b);
}
