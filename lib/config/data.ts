// Settings of the data: tables and features that a run learns from and is scored on.
import { z } from "zod";
import { countOrZero, type SettingsOf, setting, text } from "./setting";

/** The rows of the data settings. */
export const DATA = {
  /** Folder of the pipeline's files; all paths in its CSV files are relative to it. */
  dataDir: setting(text, "data/guie"),
  /**
   * Features that the frozen stage trains on (`guie embed --out`): a folder with labels, or a folder with
   * one such folder each for train, queries and index; "": the features of the images in the training
   * table.
   */
  features: setting(z.string(), ""),
  /** Training table below `dataDir`. */
  csv: setting(text, "final_data_224_sample_balance_fold.csv"),
  /**
   * Where fine-tuning reads its training images: the files that the table names (`files`), or the tars that
   * `guie pack` makes of them (`tars`), which are read in sequence.
   */
  imagesFrom: setting(z.enum(["files", "tars"]), "files"),
  /** Fold that is the validation set (a number in the column `fold`, from 0). */
  fold: setting(countOrZero, 1),
  /**
   * Share of the training classes that are held out: the run does not learn them and is scored on them
   * instead of on `retrieval/`. The seed draws them. This keeps the classes of the reported score out of
   * the choice of settings; 0 = none.
   */
  holdOutShare: setting(z.number().min(0).lt(1), 0),
};

/** Settings of the data that a run learns from. */
export interface DataSettings extends SettingsOf<typeof DATA> {}

/** Settings of the training table and its folds. */
export type TableSettings = Pick<DataSettings, "dataDir" | "csv" | "fold">;

/** Settings that choose the classes on which a run is scored. */
export type ScoredSettings = Pick<DataSettings, "dataDir" | "holdOutShare">;
