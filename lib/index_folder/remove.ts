// Removes rows from an index: they are marked as removed, and written no more when the index is compacted.
import { join, resolve } from "node:path";
import { nearestName, UserError } from "../common/errors";
import type { Texts } from "../common/texts";
import { readClassNames } from "../datasets/class_names";
import { FEATURE_FILES, type Features } from "../features/feature_files";
import { changeIndex, withRemoved, writeRemoved } from "./change";
import { type Condition, matchingRows } from "./where";

/** Which rows to remove: those of some files, and those that meet all conditions. */
export interface Removal {
  /** As the index names them, or as paths from `from`. */
  files?: readonly string[];
  /** Absolute path of the folder that relative paths start from. */
  from?: string;
  where?: readonly Condition[];
}

/**
 * Removes rows from an index; the images themselves stay.
 * @returns the index, and the files of the removed rows
 * @throws UserError for a file that the index does not hold, an unknown column, and if another process changes the index
 * @example
 * await removeFromIndex("features/photos", { files: ["apple/3.jpg"] });
 */
export async function removeFromIndex(
  folder: string,
  { files = [], from, where = [] }: Removal,
): Promise<{ features: Features; removed: string[] }> {
  let removed: string[] = [];
  const features = await changeIndex(folder, async (change) => {
    const { features, summary, next } = change;
    const rows = await features.readRows();
    const positions = new Set<number>();
    if (where.length > 0) {
      const classNames = await readClassNames(join(features.folder, FEATURE_FILES.classes));
      for (const row of matchingRows({ ...rows, classNames }, where)) positions.add(row);
    }
    for (const row of rowsOf(rows.files, files, from, String(features.madeBy.folder ?? ""), features.folder))
      positions.add(row);
    if (positions.size === 0) return undefined;
    removed = Array.from(positions, (row) => rows.files.at(row)!);
    return {
      shards: summary.shards,
      dtype: summary.dtype,
      tables: change.tables,
      removed: await writeRemoved(features.folder, next, withRemoved(change, positions)),
      next: next + 1,
      noClass: summary.noClass,
    };
  });
  return { features, removed };
}

/** Returns the rows of files. @throws UserError for a file without one */
function rowsOf(
  held: Texts,
  files: readonly string[],
  from: string | undefined,
  base: string,
  folder: string,
): number[] {
  if (files.length === 0) return [];
  const byName = new Map(Array.from(held, (file, row) => [file, row]));
  const byPath = new Map(Array.from(held, (file, row) => [resolve(base, file), row]));
  return files.map((file) => {
    const row = byName.get(file) ?? (from === undefined ? undefined : byPath.get(resolve(from, file)));
    if (row !== undefined) return row;
    const near = nearestName(file, [...byName.keys()].slice(0, NAMES_COMPARED));
    throw new UserError(
      `${folder} holds no image ${file}.`,
      near
        ? `Did you mean "${near}"?`
        : `${FEATURE_FILES.rows} and the tables named in ${FEATURE_FILES.summary} list its images.`,
    );
  });
}

/** Comparing names takes time for each of them. */
const NAMES_COMPARED = 10_000;
