// What a run learns from, and what it is scored on.
import { z } from "zod";
import { countOrZero, type SettingsOf, setting, text } from "./setting";

/** Tables and features of a run. */
export const DATA = {
  dataDir: setting(
    text,
    "data/guie",
    "Folder with the pipeline's files; all paths in its CSV files are relative to it.",
  ),
  features: setting(
    z.string(),
    "",
    'Features that the frozen stage trains on (`guie embed --out`): a folder with labels, or one that holds such folders for train, queries and index; "": the features of the training table\'s images.',
  ),
  csv: setting(text, "final_data_224_sample_balance_fold.csv", "Training table below `dataDir`."),
  fold: setting(countOrZero, 1, "The fold that validates (a number in the column `fold`, from 0)."),
  holdOutShare: setting(
    z.number().min(0).lt(1),
    0,
    "Share of the training classes that the run does not learn but is scored on instead of `retrieval/`, drawn by the seed: settings are then chosen without a look at the classes that are reported; 0 = none.",
  ),
};

/** The settings that say what a run learns from. */
export interface DataSettings extends SettingsOf<typeof DATA> {}

/** The settings that name a training table and its folds. */
export type TableSettings = Pick<DataSettings, "dataDir" | "csv" | "fold">;

/** The settings that say on which classes a run is scored. */
export type ScoredSettings = Pick<DataSettings, "dataDir" | "holdOutShare">;
