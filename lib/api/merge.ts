// Data_Merge: one balanced training table with folds and held-out classes; its photos in tars, and what is wrong with them.

export { type FoldMode, mergeTables, type TableCounts } from "../tables/merge_tables";
export { type HeldOut, heldOutBefore } from "../tables/held_out";
export { type ClassCount, classCounts } from "../tables/class_counts";
export {
  type BalanceChange,
  type BalanceStage,
  type ClassBalance,
  classBalance,
  compareBalance,
} from "../tables/balance";
export { type ClassRow, type ClassTableOptions, classTable } from "../tables/class_table";
export { type FoundClass, findClasses } from "../tables/find_classes";
export { type SampledRow, sampleRows } from "../tables/sample_rows";
export { imagesOfClass, readTrainingTable, type TrainingTable } from "../tables/training_table";
export { type PackOptions, type PackResult, packImages } from "../packs/pack";
export { type DuplicatePair, type DuplicateReport, findDuplicates } from "../inspection/duplicates";
export {
  type InspectOptions,
  type InspectReport,
  inspectPhotos,
  type LabelSuspect,
  type SameClasses,
  type TwinPair,
  type TwoGroups,
  type UnlikePhoto,
} from "../inspection/inspect";
export { writeReport } from "../inspection/report_files";
