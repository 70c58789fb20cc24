// An index as photos with their vectors: what a search among photos takes.
import { statSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../common/errors";
import { readClassNames } from "../datasets/class_names";
import type { PhotoVectors } from "../features/embed_photos";
import { FEATURE_FILES, FEATURE_FOLDER, type Features, withFeatures } from "../features/feature_files";
import type { ImageList } from "../features/image_list";
import { contentsOf } from "./add";

/** Returns whether a folder holds features, finished or not: an index. */
export function isIndexFolder(path: string): boolean {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  return isFolder && FEATURE_FOLDER.isMade(path);
}

/** The photos of an index. */
export interface IndexPhotos {
  features: Features;
  list: ImageList;
  vectors: PhotoVectors;
  classNames: ReadonlyMap<number, string>;
}

/**
 * Reads an index as photos with their vectors.
 * @throws UserError if it is empty
 */
export function readIndexPhotos(folder: string): Promise<IndexPhotos> {
  return withFeatures(folder, async (features) => {
    if (features.count === 0)
      throw new UserError(
        `${features.folder} is empty: there is nothing to search.`,
        `npx guie index add ${features.folder} PHOTOS`,
      );
    const { classNames: _, ...rows } = await features.readRows();
    const files = [...rows.files];
    return {
      features,
      list: { folder: String(features.madeBy.folder ?? ""), rows, leftOut: [] },
      vectors: {
        vectors: features.readAll(),
        files,
        places: Array.from(files.keys()),
        contents: contentsOf(features) ?? files.map(() => ""),
        embedded: 0,
        skipped: [],
      },
      classNames: await readClassNames(join(features.folder, FEATURE_FILES.classes)),
    };
  });
}
