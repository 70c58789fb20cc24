// The tables that Data_Merge writes into the data directory, one per step, under the original's names.
import type { CsvColumn } from "./read_csv";

export const MERGED_CSV = "final_data_224.csv";
export const SAMPLED_CSV = "final_data_224_sample.csv";
export const BALANCED_CSV = "final_data_224_sample_balance.csv";
export const FOLDS_CSV = "final_data_224_sample_balance_fold.csv";
/** new_labels,dataset,labels,class_name: what a merged class was. For people. */
export const CLASSES_CSV = "final_data_224_classes.csv";
/** Held-out classes, where there are any: image_files,labels each, their names, and how a merge chose them. */
export const RETRIEVAL_FILES = {
  queries: "retrieval/queries.csv",
  index: "retrieval/index.csv",
  classes: "retrieval/classes.csv",
  heldOut: "retrieval/held_out.json",
} as const;
/** Pairs of images that look alike. For people. */
export const DUPLICATES_CSV = "final_data_224_duplicates.csv";

/** How each image looked when `guie duplicates` last saw it. */
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

/** Columns of the table of looks: an image's stamp and the hash of its content, and how it looks. */
export const LOOKS_TABLE: readonly CsvColumn[] = [
  { name: "image", kind: "path" },
  { name: "stamp", kind: "text" },
  { name: "content", kind: "text" },
  { name: "hash", kind: "text" },
  { name: "blueness", kind: "count" },
  { name: "redness", kind: "count" },
];
