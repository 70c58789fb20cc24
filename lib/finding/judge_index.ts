// Makes the verdict of an index: of labelled photos, or of the held-out classes of a data directory. Shapes: N images.
import { basename } from "node:path";
import { UserError } from "../common/errors";
import { pickLabels } from "../common/labels";
import { pickRows, type Vectors } from "../common/vectors";
import type { Embedder } from "../embedding/embedder";
import { retrievalLabels } from "../experiments/compare";
import { heldOutFiles } from "../experiments/ladder";
import { embedPhotos } from "../features/embed_photos";
import type { Features } from "../features/feature_files";
import { type ImageList, NO_CLASS } from "../features/image_list";
import { type JudgeOptions, judge, type Verdict } from "../verdict/judge";
import { judgedIndex, photosHome, photosIdentity, writeVerdict } from "./kept_verdict";

/** A verdict that was made and written. */
export interface MadeVerdict extends Verdict {
  /** Name of the index. */
  index: string;
  /** The file. */
  path: string;
  /** Names of the classes by label, as far as known. */
  classNames: ReadonlyMap<number, string>;
}

/** An index of labelled rows. */
export interface LabelledIndex {
  name: string;
  /** Of the model, [N, F]. */
  vectors: Vectors;
  /** [N]. */
  labels: ArrayLike<number> | undefined;
  classNames: ReadonlyMap<number, string>;
  /** Folder and identity of the vectors. */
  features: Pick<Features, "folder" | "identity" | "content">;
}

/**
 * Makes the verdict of photos with classes, and keeps it for `guie find` and `guie serve`.
 * @param source absolute path of the photos
 * @throws UserError for photos without classes, or too few of them
 */
export async function judgePhotos(
  embedder: Embedder,
  source: string,
  { folder, rows }: ImageList,
  options: JudgeOptions,
): Promise<MadeVerdict> {
  const name = basename(source);
  requireClasses(name, rows.labels);
  const { onProgress } = options;
  const { vectors, contents, places } = await embedPhotos(embedder, { folder, rows }, { onProgress });
  const index = {
    name,
    vectors,
    labels: pickLabels(rows.labels!, places),
    classNames: new Map(rows.classNames?.entries()),
    features: { folder: photosHome(source), identity: photosIdentity(embedder.madeBy, contents) },
  };
  return judgeRows(embedder, index, options);
}

/**
 * Makes the verdict of an index whose rows are the queries, each among the others; rows without a class take no part.
 * @throws UserError for rows without classes, or too few of them
 */
export async function judgeRows(
  { madeBy }: Pick<Embedder, "madeBy">,
  { name, vectors, labels, classNames, features }: LabelledIndex,
  options: JudgeOptions,
): Promise<MadeVerdict> {
  requireClasses(name, labels);
  const rows = Array.from({ length: vectors.count }, (_, row) => row).filter(
    (row) => classNames.get(labels![row]!) !== NO_CLASS,
  );
  const index = rows.length === vectors.count ? vectors : pickRows(vectors, rows);
  const kept = pickLabels(labels!, rows);
  const given = { queries: index, queryLabels: kept, index, indexLabels: kept, own: "same" } as const;
  const verdict = await judge(given, options);
  const path = writeVerdict(judgedIndex(features, madeBy, labels), verdict);
  return { ...verdict, index: name, path, classNames };
}

function requireClasses(name: string, labels: ArrayLike<number> | undefined): void {
  if (labels) return;
  throw new UserError(
    `${name} has no classes: a verdict is made of photos that are known to show the same object.`,
    "Sort the photos into a folder per object, or name a table with a column of classes (--class-column).",
  );
}

/**
 * Makes the verdict of the held-out index of a data directory by its queries, and keeps it for `guie serve`.
 * @throws UserError if there are no held-out classes, or too few of them
 */
export async function judgeHeldOut(
  embedder: Embedder,
  dataDir: string,
  options: JudgeOptions,
): Promise<MadeVerdict> {
  const { onProgress } = options;
  const files = await heldOutFiles(dataDir);
  const labels = await retrievalLabels(dataDir, files);
  const queries = await embedder.embed(dataDir, "queries", files.queries.files, { onProgress });
  const features = await embedder.keepEmbeddings(dataDir, "index", files.index.files, { onProgress });
  const verdict = await judge({ ...labels, queries, index: features.readAll() }, options);
  const path = writeVerdict(judgedIndex(features, embedder.madeBy, files.index.labels), verdict);
  return { ...verdict, index: `held-out classes of ${basename(dataDir)}`, path, classNames: files.classes };
}
