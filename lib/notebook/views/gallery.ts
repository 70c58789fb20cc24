// Image grids: samples, duplicates, neighbours, searches.
import { basename, dirname, join } from "node:path";
import { UserError } from "../../common/errors";
import { projectPath } from "../../common/project";
import type { Vectors } from "../../common/vectors";
import { readClassNames } from "../../datasets/class_names";
import type { Embedder } from "../../embedding/embedder";
import type { Finding } from "../../finding/find_photos";
import { hitText, isNothingAlike, NOTHING_ALIKE } from "../../finding/kept_verdict";
import type { DuplicatePair } from "../../inspection/duplicates";
import { type Neighbours, nearestNeighbours } from "../../retrieval/neighbours";
import { sampleRows } from "../../tables/sample_rows";
import type { RetrievalFiles } from "../../training/data/run_data";
import { localImagePath } from "../atlas/own_image";
import type { Drawing } from "../output/drawing";
import { type GridOptions, imageGrid } from "../output/images";

/**
 * Shows sample images of a pipeline table, each of another class, with the class's name below.
 * @param csv table below `dataDir`, for example `csv/rp2k.csv` or `final_data_224.csv`
 * @param classesCsv table of class names below `dataDir`
 * @example
 * show(await sampleGrid("data/demo", { csv: "final_data_224.csv", classesCsv: "final_data_224_classes.csv" }));
 */
export async function sampleGrid(
  dataDir: string,
  {
    csv,
    classesCsv,
    count = 8,
    seed = 0,
  }: { csv: string; classesCsv: string; count?: number; seed?: number },
  options: GridOptions = {},
): Promise<Drawing> {
  const folder = projectPath(dataDir);
  const names = await readClassNames(join(folder, classesCsv));
  const rows = await sampleRows(join(folder, csv), count, seed);
  const items = rows.map(({ imageFile, label }) => ({
    image: join(folder, imageFile),
    caption: names.get(label) ?? `class ${label}`,
  }));
  return imageGrid(items, { columns: Math.min(8, items.length), ...options });
}

/**
 * Shows pairs of images that look the same, side by side, with their classes; red if the labels differ.
 * @param classNames by new label
 * @example
 * show(await duplicateGrid("data/demo", report.pairs));
 */
export async function duplicateGrid(
  dataDir: string,
  pairs: readonly DuplicatePair[],
  classNames: ReadonlyMap<number, string> = new Map(),
  options: GridOptions = {},
): Promise<Drawing> {
  const folder = projectPath(dataDir);
  const items = pairs.flatMap(({ imageA, imageB, labelA, labelB, foldA, foldB }) => {
    const frame = labelA === labelB ? ("none" as const) : ("red" as const);
    const item = (image: string, label: number, fold: number) => ({
      image: join(folder, image),
      caption: `${classNames.get(label) ?? `class ${label}`}, fold\u00a0${fold}`,
      frame,
    });
    return [item(imageA, labelA, foldA), item(imageB, labelB, foldB)];
  });
  return imageGrid(items, { columns: Math.min(8, items.length), ...options });
}

/** Data for `neighbourGrid`. */
export interface NeighbourGallery {
  dataDir: string;
  files: RetrievalFiles;
  neighbours: Neighbours;
  /** Positions of the queries to show, one row each. */
  queries: readonly number[];
  classNames?: ReadonlyMap<number, string>;
}

/**
 * Shows queries, each with its nearest index images: right ones framed green, wrong ones red.
 * @example
 * show(await neighbourGrid({ dataDir: "data/demo", files: retrievalFiles, neighbours, queries: [0, 1] }));
 */
export async function neighbourGrid(gallery: NeighbourGallery, options: GridOptions = {}): Promise<Drawing> {
  const { dataDir, files, neighbours, queries, classNames } = gallery;
  if (queries.length === 0) throw new UserError("There is no query to show.", "Name at least one position.");
  const nameOf = (label: number) => classNames?.get(label) ?? `class ${label}`;
  const folder = projectPath(dataDir);
  const path = (file: string) => join(folder, file);
  const items = queries.flatMap((query) => {
    const label = files.queries.labels[query]!;
    const found = Array.from(neighbours.positions[query]!, (position) => ({
      image: path(files.index.files[position]!),
      caption: nameOf(files.index.labels[position]!),
      frame: files.index.labels[position] === label ? ("green" as const) : ("red" as const),
    }));
    return [{ image: path(files.queries.files[query]!), caption: `query: ${nameOf(label)}` }, ...found];
  });
  return imageGrid(items, { columns: 1 + neighbours.positions[queries[0]!]!.length, ...options });
}

/**
 * Sorts queries by difficulty: fewest right neighbours first, then highest cosine of the first neighbour.
 * @returns positions of queries
 * @example
 * hardestQueries(retrievalFiles, neighbours).slice(0, 8)
 */
export function hardestQueries(files: RetrievalFiles, neighbours: Neighbours): number[] {
  const scored = neighbours.positions.map((positions, query) => {
    const label = files.queries.labels[query];
    const right = Array.from(positions).filter((position) => files.index.labels[position] === label).length;
    return { query, right, cosine: neighbours.cosines[query]![0]! };
  });
  return scored.sort((a, b) => a.right - b.right || b.cosine - a.cosine).map(({ query }) => query);
}

/**
 * Shows the user's own image with its nearest index images. `path`: as `localImagePath` takes it.
 * @example
 * show(await searchGrid({ dataDir: "data/demo", files: retrievalFiles, embedder, index, path: "photo.jpg" }));
 */
export async function searchGrid(
  search: Pick<NeighbourGallery, "dataDir" | "files" | "classNames"> & {
    embedder: Embedder;
    index: Vectors;
    path: string;
    k?: number;
  },
  options: GridOptions = {},
): Promise<Drawing> {
  const { files, classNames, embedder, index, k = 8 } = search;
  const folder = projectPath(search.dataDir);
  const path = localImagePath(search.path);
  const query = await embedder.embedFiles("/", [path]);
  const { positions, cosines } = await nearestNeighbours(query, index, k);
  const found = Array.from(positions[0]!, (position, rank) => {
    const label = files.index.labels[position]!;
    const name = classNames?.get(label) ?? `class ${label}`;
    return {
      image: join(folder, files.index.files[position]!),
      caption: `${name}, ${cosines[0]![rank]!.toFixed(2)}`,
    };
  });
  return imageGrid([{ image: path, caption: "yours" }, ...found], { columns: k + 1, ...options });
}

/**
 * Shows what `search` found: a row per query, then its hits with class, cosine and verdict, if the photos have one.
 * @param options.columns pictures per row; default: a query and all its hits
 * @example
 * show(foundGrid(await search("query.jpg", { model, index: photos })));
 */
export async function foundGrid(found: Finding, options: GridOptions = {}): Promise<Drawing> {
  const most = Math.max(...found.results.map(({ hits }) => hits.length));
  const items = found.results.flatMap(({ query, path, hits }) => [
    { image: path, caption: captionOf([queryName(query), isNothingAlike(hits) ? NOTHING_ALIKE : ""]) },
    ...hits.map((hit) => ({
      image: hit.path,
      caption: captionOf([hit.class ?? basename(hit.file), hit.score.toFixed(2), hitText(hit.verdict)]),
    })),
  ]);
  return imageGrid(items, { columns: 1 + most, ...options });
}

function queryName(query: string): string {
  return `query: ${join(basename(dirname(query)), basename(query))}`;
}

function captionOf(parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join(", ");
}
