// Names and columns of the tables in the data directory: those of Data_Merge, one per step as in the original, its
// input, and those of `guie duplicates`.
import type { CsvColumn } from "./read_csv";

/** All images of all data sets. */
export const MERGED_CSV = "final_data_224.csv";
/** The merged table without the surplus rows of large classes. */
export const SAMPLED_CSV = "final_data_224_sample.csv";
/** The sampled table with the rows of small classes repeated. */
export const BALANCED_CSV = "final_data_224_sample_balance.csv";
/** The balanced table with folds, which training reads. */
export const FOLDS_CSV = "final_data_224_sample_balance_fold.csv";
/** new_labels,dataset,labels,class_name: the origin of each merged class. For people. */
export const CLASSES_CSV = "final_data_224_classes.csv";
/** Files of held-out classes: queries and index (image_files,labels), the classes' names, the hold-out. */
export const RETRIEVAL_FILES = {
  queries: "retrieval/queries.csv",
  index: "retrieval/index.csv",
  classes: "retrieval/classes.csv",
  heldOut: "retrieval/held_out.json",
} as const;
/** Corrections by a person: images to leave out (image_files[,reason]), and of another class (image_files,labels). */
export const CORRECTION_FILES = { exclude: "exclude.csv", relabel: "relabel.csv" } as const;
/** Images that share a fold, by a person or the demo: image_files,group. */
export const GROUPS_CSV = "groups.csv";
/** Pairs of images that look alike. For people. */
export const DUPLICATES_CSV = "final_data_224_duplicates.csv";

/** Cached hash and colour of each image, written by `guie duplicates`. */
export const LOOKS_CSV = "final_data_224_looks.csv";

/** Columns of a data set's own table. */
export const IMAGE_TABLE: readonly CsvColumn[] = [
  { name: "image_files", kind: "path" },
  { name: "labels", kind: "label" },
];

/** Columns of the merged, sampled and balanced tables. */
export const MERGED_TABLE: readonly CsvColumn[] = [
  { name: "new_image_files", kind: "path" },
  { name: "new_labels", kind: "count" },
  { name: "dataset", kind: "text" },
];

/** Columns of the table that training reads. */
export const FOLDS_TABLE: readonly CsvColumn[] = [...MERGED_TABLE, { name: "fold", kind: "count" }];

/** Columns of the table of classes. */
export const CLASSES_TABLE: readonly CsvColumn[] = [
  { name: "new_labels", kind: "count" },
  { name: "dataset", kind: "text" },
  { name: "labels", kind: "label" },
  { name: "class_name", kind: "text" },
];

/** Columns of the table of looks: an image's stamp, the hash of its content, its perceptual hash and mean colour. */
export const LOOKS_TABLE: readonly CsvColumn[] = [
  { name: "image", kind: "path" },
  { name: "stamp", kind: "text" },
  { name: "content", kind: "text" },
  { name: "hash", kind: "text" },
  { name: "blueness", kind: "count" },
  { name: "redness", kind: "count" },
];
