// What an index holds.
import { join } from "node:path";
import { bytesBelow } from "../common/files/disk_use";
import { readClassNames } from "../datasets/class_names";
import { FEATURE_FILES, type Features, type MadeBy, withFeatures } from "../features/feature_files";
import { filterColumns } from "./where";

/** What an index holds. */
export interface IndexInfo {
  folder: string;
  rows: number;
  /** Rows that were removed and still take space. */
  removed: number;
  length: number;
  dtype: Features["dtype"];
  shards: number;
  bytes: number;
  /** Number of classes; null if the rows have none. */
  classes: number | null;
  /** The columns by which its rows can be filtered. */
  columns: string[];
  madeBy: MadeBy;
}

/** Tells what an index holds. @throws UserError if there is none */
export function describeIndex(folder: string): Promise<IndexInfo> {
  return withFeatures(folder, async (features) => {
    const { removed, count, length, dtype, shards, madeBy } = features;
    const rows = await features.readRows();
    const classNames = await readClassNames(join(features.folder, FEATURE_FILES.classes));
    return {
      folder: features.folder,
      rows: count,
      removed: removed?.count ?? 0,
      length,
      dtype,
      shards: shards.length,
      bytes: bytesBelow(features.folder),
      classes: rows.labels ? new Set(Array.from(rows.labels)).size : null,
      columns: filterColumns({ ...rows, classNames }),
      madeBy,
    };
  });
}
