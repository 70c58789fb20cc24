// The embedding atlas: every image of the retrieval set as a point on a map.
import { join } from "node:path";
import type { OnProgress } from "../../common/progress";
import { projectPath } from "../../common/project";
import { randomStream } from "../../common/random";
import { listRows, stackRows, type Vectors } from "../../common/vectors";
import { type EmbeddingMap, pcaMap, umapMap } from "../../retrieval/embedding_map";
import type { RetrievalLabels } from "../../retrieval/evaluation";
import type { Neighbours } from "../../retrieval/neighbours";
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
  /** For a query: class of its nearest index image, and whether it is the query's own class. */
  nearest?: { isRight: boolean; className: string };
}

/** Points and their maps, for `atlasFigure`. */
export interface Atlas {
  points: AtlasPoint[];
  /** Maps; the first one is shown first. */
  maps: EmbeddingMap[];
  /** Number of images in the retrieval set; more than points if only some are shown. */
  imageCount: number;
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
  return { points: chosen.map((row) => points[row]!), maps, imageCount: points.length };
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
