// The photos to inspect: a folder or list, or a data directory after Data_Merge, with classes and sides if known.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { withDatabase } from "../common/database/database";
import type { LeftOut } from "../common/files/image_folder";
import { readClassNames } from "../datasets/class_names";
import type { OwnSource } from "../datasets/own/own_images";
import { readOwnImages } from "../datasets/own/read_own_images";
import {
  CLASSES_CSV,
  CLASSES_TABLE,
  FOLDS_CSV,
  FOLDS_TABLE,
  IMAGE_TABLE,
  RETRIEVAL_FILES,
} from "../tables/layout";
import { loadCsv } from "../tables/read_csv";

/** Photos to inspect. */
export interface InspectedPhotos {
  /** The folder that the paths are relative to; absolute. */
  folder: string;
  files: string[];
  /** Class of each photo, "" if it has none; undefined if no photo has one. */
  classes: string[] | undefined;
  /** Side of each photo (training, validation, held out, or the name of its split), "" if it has none. */
  sides: string[];
  /** Files that are not read as photos. */
  leftOut: readonly LeftOut[];
  /** Sentences that say what was recognised. */
  said: readonly string[];
  /** The data set of each class and its name there, by the class's name here; undefined if they are the same. */
  origins?: ReadonlyMap<string, { dataset: string; name: string }>;
}

/** Sides of the splits of a person's own photos. */
const SIDES = { train: "training", validation: "validation", test: "test", "": "" } as const;
const VALIDATION_FOLD = 1;

/**
 * Reads a person's photos: any source that `readOwnImages` reads, with the classes and splits that it recognises.
 * @returns also sentences that say what was recognised
 */
export async function readPhotos(source: OwnSource): Promise<InspectedPhotos> {
  const { folder, files, classes, splits, leftOut, said } = await readOwnImages(source);
  const sides = files.map((_, i) => SIDES[splits?.[i] ?? ""]);
  return { folder, files, classes, sides, leftOut, said };
}

/**
 * Reads the photos of a data directory: those of the merged table with folds, and those of held-out classes. The sides
 * are training, validation (fold 1) and held out.
 * @param folder the data directory; absolute
 * @throws UserError if it is not merged
 */
export async function readMergedPhotos(folder: string): Promise<InspectedPhotos> {
  const next = `npx guie merge --data-dir ${folder}`;
  return withDatabase(async (database) => {
    await loadCsv(database, "folded", join(folder, FOLDS_CSV), FOLDS_TABLE, next);
    await loadCsv(database, "classes", join(folder, CLASSES_CSV), CLASSES_TABLE, next);
    const rows = await database.rows<{ file: string; name: string; dataset: string; fold: number }>(
      `SELECT new_image_files AS file, any_value(class_name) AS name, any_value(folded.dataset) AS dataset,
         any_value(fold ORDER BY fold <> ${VALIDATION_FOLD}, fold) AS fold
       FROM folded JOIN classes USING (new_labels) GROUP BY new_image_files ORDER BY file`,
    );
    const several = new Set(rows.map(({ dataset }) => dataset)).size > 1;
    const merged = rows.map(({ file, name, dataset, fold }) => ({
      file,
      name: several ? `${dataset}: ${name}` : name,
      origin: { dataset, name },
      side: fold === VALIDATION_FOLD ? "validation" : "training",
    }));
    const held: typeof merged = [];
    const names = await readClassNames(join(folder, RETRIEVAL_FILES.classes));
    for (const table of [RETRIEVAL_FILES.queries, RETRIEVAL_FILES.index]) {
      const path = join(folder, table);
      if (!existsSync(path)) continue;
      await loadCsv(database, "held", path, IMAGE_TABLE, next);
      const images = await database.rows<{ file: string; label: number }>(
        "SELECT DISTINCT image_files AS file, labels AS label FROM held ORDER BY file",
      );
      for (const { file, label } of images) held.push(heldOut(file, names.get(label) ?? String(label)));
    }
    const known = new Set(merged.map(({ file }) => file));
    const all = [...merged, ...held.filter(({ file }) => !known.has(file) && known.add(file))];
    return {
      folder,
      files: all.map(({ file }) => file),
      classes: all.map(({ name }) => name),
      sides: all.map(({ side }) => side),
      leftOut: [],
      said: [],
      origins: new Map(all.map(({ name, origin }) => [name, origin])),
    };
  });
}

function heldOut(file: string, name: string) {
  return { file, name: `held out: ${name}`, origin: { dataset: "held out", name }, side: "held out" };
}
