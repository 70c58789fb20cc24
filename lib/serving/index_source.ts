// The index that a service searches: rows of vectors, and the image of each row.
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { UserError } from "../common/errors";
import { notice } from "../common/notice";
import type { ProgressOptions } from "../common/progress";
import type { Texts } from "../common/texts";
import type { Vectors } from "../common/vectors";
import { dataFolder } from "../config/paths";
import { readClassNames } from "../datasets/class_names";
import type { SourceSettings } from "../datasets/own/own_images";
import type { Embedder } from "../embedding/embedder";
import type { Features } from "../features/feature_files";
import { countChangedImages } from "../features/feature_writer";
import { embedCommand, requireSameModel } from "../features/same_model";
import { isIndexFolder } from "../index_folder/index_photos";
import { type IndexSnapshot, readSnapshot } from "../index_folder/snapshot";
import { readRetrievalFiles } from "../training/data/read_run_data";

/** Rows to search. */
export interface IndexSource {
  /** Name to show. */
  name: string;
  vectors: Vectors;
  /** The image of every row, below `imageFolder`. */
  files: Texts;
  imageFolder: string;
  /** The hash of each row's file, where it is known. */
  contents?: readonly string[];
  labels?: ArrayLike<number>;
  folds?: ArrayLike<number>;
  /** Further columns of the images' table. */
  columns?: ReadonlyMap<string, Texts>;
  classNames: ReadonlyMap<number, string>;
  /** Folder and identity of the vectors' features. */
  features: Pick<Features, "folder" | "identity" | "content">;
}

/** The choice of an index. */
export interface IndexRequest {
  /** The model that embeds, as `findModel` takes it: a run, a tower, a file, hub:owner/name; default: the preset's backbone. */
  run?: string;
  /**
   * Absolute path of a features folder (`guie embed --out`), a data directory (the index images of its held-out
   * classes), or images as `guie embed` takes them (folder, archive, table, list); or milvus://host:port/collection.
   * Default: the model's or preset's data directory.
   */
  index?: string;
  /** How a folder or table of images is read, instead of a guess. */
  source?: SourceSettings;
  /** CSV with the columns labels,class_name; default for held-out classes: `retrieval/classes.csv`. */
  classNames?: string;
}

/** Returns whether an index is photos that the service embeds: neither features nor a data directory. */
export function isOfPhotos(index: string | undefined): index is string {
  return index !== undefined && !isIndexFolder(index) && !holdsHeldOut(index);
}

/** Returns whether a path is a data directory with held-out classes. */
export function holdsHeldOut(path: string): boolean {
  return existsSync(join(path, "retrieval", "index.csv"));
}

/**
 * Opens an index as it is now: a folder of features, or the held-out index images of a data directory.
 * @throws UserError if there is nothing to search, or the features come from another model
 */
export async function openIndexSource(
  request: IndexRequest,
  embedder: Embedder,
  options: ProgressOptions = {},
): Promise<IndexSource> {
  const { index } = request;
  if (index === undefined) return heldOutIndex(embedder.config, request, embedder, options);
  if (isIndexFolder(index)) {
    const snapshot = await readSnapshot(index);
    await noticeChanged(snapshot.features, request.run);
    const classNames = request.classNames ? await requireClassNames(request.classNames) : undefined;
    return sourceOfSnapshot(snapshot, embedder, { run: request.run, classNames });
  }
  return heldOutIndex({ dataDir: index }, request, embedder, options);
}

/**
 * Returns a state of an index folder as an index of a service.
 * @param run the model as the user named it
 * @param classNames names of the classes; default: the index's own
 * @throws UserError if its vectors come from another model
 */
export function sourceOfSnapshot(
  { features, vectors, rows, contents, classNames: own }: IndexSnapshot,
  embedder: Embedder,
  { run, classNames = own }: { run: string | undefined; classNames: ReadonlyMap<number, string> | undefined },
): IndexSource {
  requireSameModel(features, embedder, run);
  const { files, labels, folds, columns } = rows;
  return {
    name: basename(features.folder),
    vectors,
    files,
    contents,
    features,
    labels,
    folds,
    columns,
    imageFolder: String(features.madeBy.folder),
    classNames,
  };
}

/** Says how many images of an index have changed since they were embedded, if some have. */
export async function noticeChanged(features: Features, run: string | undefined): Promise<void> {
  const changed = await countChangedImages(features, String(features.madeBy.folder));
  if (changed > 0) notice(changedText(features, changed, run));
}

function changedText({ folder, count }: Features, changed: number, model: string | undefined): string {
  return (
    `${folder}: ${changed} of ${count} images have changed since they were embedded; the search uses their old vectors.\n` +
    `  Next: ${embedCommand(model, folder)}`
  );
}

async function heldOutIndex(
  data: Pick<Embedder["config"], "dataDir">,
  { run, classNames }: IndexRequest,
  embedder: Embedder,
  options: ProgressOptions,
): Promise<IndexSource> {
  const folder = dataFolder(data);
  const retrieval = await readRetrievalFiles(folder);
  if (!retrieval) {
    const model = run === undefined ? "" : ` --model ${run}`;
    throw new UserError(
      `Expected an index to search: ${folder} has no retrieval/index.csv.`,
      `Name the images to search: npx guie serve PHOTOS${model}`,
    );
  }
  const { files, labels } = retrieval.index;
  const features = await embedder.keepEmbeddings(data.dataDir, "index", files, options);
  return {
    name: `held-out classes of ${basename(folder)}`,
    vectors: features.readAll(),
    files,
    labels,
    features,
    imageFolder: folder,
    classNames: classNames
      ? await requireClassNames(classNames)
      : await readClassNames(join(folder, "retrieval", "classes.csv")),
  };
}

/** Reads the names of classes. @throws UserError if there are none */
export async function requireClassNames(csv: string): Promise<Map<number, string>> {
  const names = await readClassNames(csv);
  if (names.size > 0) return names;
  throw new UserError(
    `Expected names of classes in ${csv}, found none.`,
    "Its columns are labels,class_name.",
  );
}
