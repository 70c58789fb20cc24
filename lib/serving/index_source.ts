// What a service searches: rows of vectors, and the image that each is of.
import { basename, join } from "node:path";
import { UserError } from "../common/errors";
import { notice } from "../common/notice";
import type { OnProgress } from "../common/progress";
import { projectPath } from "../common/project";
import type { Texts } from "../common/texts";
import type { Vectors } from "../common/vectors";
import { readClassNames } from "../datasets/class_names";
import type { Embedder } from "../embedding/embedder";
import { type Features, openFeatures } from "../features/feature_files";
import { countChangedImages } from "../features/feature_writer";
import { readRetrievalFiles } from "../training/data/read_run_data";

/** Rows to search. */
export interface IndexSource {
  /** For people. */
  name: string;
  vectors: Vectors;
  /** The image of every row, below `imageFolder`. */
  files: Texts;
  imageFolder: string;
  labels?: ArrayLike<number>;
  classNames: ReadonlyMap<number, string>;
  /** The folder of features that the vectors stand in, and what tells these from others. */
  features: Pick<Features, "folder" | "identity" | "content">;
}

/** Which index. */
export interface IndexRequest {
  /** The run that embeds, as `findCheckpoint` takes it. */
  run: string;
  /** A folder of `guie embed --run`; without it, the index of the run's held-out classes. */
  index?: string;
  /** CSV with the columns labels,class_name; without it, `retrieval/classes.csv` for the held-out classes. */
  classNames?: string;
}

/**
 * Reads a folder of features, or embeds the held-out index images of the run's data (they are kept).
 * @throws UserError where there is none, or the features are of another model
 */
export async function openIndexSource(
  request: IndexRequest,
  embedder: Embedder,
  onProgress?: OnProgress,
): Promise<IndexSource> {
  return request.index === undefined
    ? heldOutIndex(request, embedder, onProgress)
    : folderIndex(request.index, request, embedder);
}

async function folderIndex(
  folder: string,
  { run, classNames }: IndexRequest,
  embedder: Embedder,
): Promise<IndexSource> {
  const features = openFeatures(folder);
  requireSameModel(features, run, embedder);
  const imageFolder = String(features.madeBy.folder);
  const changed = await countChangedImages(features, imageFolder);
  if (changed > 0) notice(changedText(features, changed, run));
  const { files, labels } = await features.readRows();
  return {
    ...{ name: basename(features.folder), vectors: features.readAll(), files, features },
    ...(labels ? { labels } : {}),
    imageFolder,
    classNames: classNames === undefined ? new Map() : await requireClassNames(classNames),
  };
}

function changedText({ folder, count }: Features, changed: number, run: string): string {
  return (
    `${folder}: ${changed} of ${count} images were changed since they were embedded, and are searched as they were.\n` +
    `  Next: npx guie embed SOURCE --run ${run} --out ${folder}`
  );
}

/** Vectors of two models have nothing to do with each other. */
function requireSameModel({ folder, madeBy }: Features, run: string, embedder: Embedder): void {
  const isSame = Object.entries(embedder.madeBy).every(([name, value]) => madeBy[name] === value);
  if (isSame && embedder.madeBy.average === madeBy.average) return;
  const by = madeBy.run === undefined ? "a backbone" : `the run ${madeBy.run}, or another checkpoint of it`;
  throw new UserError(
    `${folder} holds features by ${by}: queries by ${run} have nothing to do with them.`,
    `npx guie embed SOURCE --run ${run} --out FOLDER`,
  );
}

async function heldOutIndex(
  { run, classNames }: IndexRequest,
  embedder: Embedder,
  onProgress?: OnProgress,
): Promise<IndexSource> {
  const { dataDir } = embedder.config;
  const retrieval = await readRetrievalFiles(dataDir);
  if (!retrieval) {
    throw new UserError(
      `Expected an index to search: ${projectPath(dataDir)} has no retrieval/index.csv.`,
      `npx guie embed SOURCE --run ${run} --out FOLDER, then npx guie serve --run ${run} --index FOLDER`,
    );
  }
  const { files, labels } = retrieval.index;
  const features = await embedder.keepEmbeddings(dataDir, "index", files, onProgress);
  return {
    ...{
      name: `held-out classes of ${basename(dataDir)}`,
      vectors: features.readAll(),
      files,
      labels,
      features,
    },
    imageFolder: projectPath(dataDir),
    classNames: classNames
      ? await requireClassNames(classNames)
      : await readClassNames(join(dataDir, "retrieval", "classes.csv")),
  };
}

async function requireClassNames(csv: string): Promise<Map<number, string>> {
  const names = await readClassNames(csv);
  if (names.size > 0) return names;
  throw new UserError(
    `Expected names of classes in ${csv}: there are none.`,
    "Its columns are labels,class_name.",
  );
}
