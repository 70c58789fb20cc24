// The embedding atlas: every image of the retrieval set as a point on a map, with its picture under the mouse.
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
  /** Its path. */
  image: string;
  label: number;
  className: string;
  /** "" where the retrieval set has no data sets. */
  dataset: string;
  role: "query" | "index";
  /** Of a query: whether its nearest image of the index is of its class, and what that is. */
  nearest?: { isRight: boolean; className: string };
}

/** Points and the maps on which they lie; what `atlasFigure` draws. */
export interface Atlas {
  points: AtlasPoint[];
  /** The first is shown first. */
  maps: EmbeddingMap[];
  /** Images of the retrieval set; more than there are points where only some are shown. */
  imageCount: number;
}

/** What an atlas is made of: the retrieval set, its embeddings, and what was found. */
export interface AtlasSource {
  dataDir: string;
  files: RetrievalFiles;
  queries: Vectors;
  index: Vectors;
  neighbours: Neighbours;
  labels: RetrievalLabels;
  classNames?: ReadonlyMap<number, string>;
}

/** How many images are drawn, and which. */
export interface AtlasOptions {
  seed?: number;
  /** Of more images so many are drawn, by the seed. */
  maxPoints?: number;
  onProgress?: OnProgress;
}

const MAX_POINTS = 4000;
/** Wider than UMAP's usual 0.1, so that the mouse finds each point of a class by itself. */
const MIN_DISTANCE = 0.2;

/**
 * Lays queries and index of a retrieval set out by UMAP and by PCA. The same seed gives the same atlas.
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

/** Queries first, then the index. */
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

/** All rows, or some of them by chance; in ascending order. */
function chooseRows(count: number, most: number, seed: number): number[] {
  const rows = Array.from({ length: count }, (_, row) => row);
  if (count <= most) return rows;
  return randomStream(seed, "atlas")
    .shuffle(rows)
    .slice(0, most)
    .sort((a, b) => a - b);
}
