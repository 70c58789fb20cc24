// The data of a run: training, validation and retrieval images with their classes.
import { UserError } from "../../common/errors";
import type { Texts } from "../../common/texts";

/** Images by path with their classes. `Files` is an array of paths, or a more compact list for large tables. */
export interface LabelledFiles<Files extends Texts = readonly string[]> {
  files: Files;
  labels: ArrayLike<number>;
}

/** Images to learn from. */
export interface TrainingFiles extends LabelledFiles<Texts> {
  /** Name of each class's data set, by label; undefined if nothing says it. */
  dataSets?: readonly string[] | undefined;
}

/** All images of a run, as file names and classes. */
export interface RunData {
  train: TrainingFiles;
  validation: LabelledFiles;
  classCount: number;
  /** Names "data set/class name" by label, if the classes have names. */
  classes?: readonly string[] | undefined;
  /** Held-out classes; undefined if the data directory has no `retrieval/`. */
  retrieval: RetrievalFiles | undefined;
  /** Names "group/class name" by label of `retrieval`, for classes that have names. */
  retrievalClasses?: ReadonlyMap<number, string> | undefined;
}

/** Queries and index of held-out classes. */
export interface RetrievalFiles {
  queries: LabelledFiles;
  index: LabelledFiles;
  /**
   * Each query's position in the index, or -1, so that no query finds itself. Undefined if no query is in the index.
   */
  own?: Int32Array | undefined;
}

/** The name of a set of images in `RunData`. */
export type SetName = "train" | "validation" | "queries" | "index";

/** Returns a set of a run's images. @throws UserError for queries or index if the run has none */
export function imageSet(data: RunData, set: SetName): LabelledFiles<Texts> {
  if (set === "train" || set === "validation") return data[set];
  if (data.retrieval) return data.retrieval[set];
  throw new UserError(
    `Expected held-out classes: this run's data has no ${set}.`,
    "npx guie merge --hold-out 0.2 holds some out.",
  );
}

/** Returns the files of rows of a set. @param rows positions within the set; default: all */
export function filesAt(data: RunData, set: SetName, rows?: ArrayLike<number>): string[] {
  const { files } = imageSet(data, set);
  if (!rows) return [...files];
  return Array.from(rows, (row) => {
    const file = files.at(row);
    if (file === undefined)
      throw new RangeError(`${set} has ${files.length} rows; row ${row} was requested.`);
    return file;
  });
}
