// What a run looks at.
import { UserError } from "../../common/errors";
import type { Texts } from "../../common/texts";
import type { LabelledFiles } from "./batches";

/** Everything a run looks at, as file names and classes. */
export interface RunData {
  train: LabelledFiles<Texts>;
  validation: LabelledFiles;
  classCount: number;
  /** "data set/class name" by label, where the classes have names. */
  classes?: readonly string[] | undefined;
  /** Classes that are not learned; undefined where the data directory has no `retrieval/`. */
  retrieval: RetrievalFiles | undefined;
  /** "group/class name" by label of `retrieval`, of those that have names. */
  retrievalClasses?: ReadonlyMap<number, string> | undefined;
}

/** Queries and index of held-out classes. */
export interface RetrievalFiles {
  queries: LabelledFiles;
  index: LabelledFiles;
  /** Where in the index each query stands, -1 where it does not: no query finds itself. Undefined where none stands there. */
  own?: Int32Array | undefined;
}

/** A set of images that a run evaluates on, by its name in `RunData`. */
export type SetName = "train" | "validation" | "queries" | "index";

/** A set of a run's images. @throws UserError for queries or index of a run that has none */
export function imageSet(data: RunData, set: SetName): LabelledFiles<Texts> {
  if (set === "train" || set === "validation") return data[set];
  if (data.retrieval) return data.retrieval[set];
  throw new UserError(
    `Expected held-out classes: this run's data has no ${set}.`,
    "npx guie merge --hold-out 0.2 holds some out.",
  );
}

/** Files of some rows of a set. @param rows positions within the set; default: all of them */
export function filesAt(data: RunData, set: SetName, rows?: ArrayLike<number>): string[] {
  const { files } = imageSet(data, set);
  if (!rows) return [...files];
  return Array.from(rows, (row) => {
    const file = files.at(row);
    if (file === undefined)
      throw new RangeError(`${set} has ${files.length} rows; row ${row} was asked for.`);
    return file;
  });
}
