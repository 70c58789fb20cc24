// Absolute paths of the files that a config names. A config keeps its paths as written, relative to the project's root,
// and runs, features and scores record them so. Code that opens a file takes its absolute path from here.
import { projectPath } from "../common/project";

/** Returns the absolute path of the data directory. */
export function dataFolder({ dataDir }: { dataDir: string }): string {
  return projectPath(dataDir);
}

/** Returns the absolute path of the training table. */
export function tablePath({ dataDir, csv }: { dataDir: string; csv: string }): string {
  return projectPath(dataDir, csv);
}

/** Returns the absolute path of the features folder that a frozen run trains on, if the config names one. */
export function featuresPath({ features }: { features: string }): string {
  return projectPath(features);
}

/** Returns the absolute path of the backbone's file, if the config names one and not `random`. */
export function weightsPath({ weights }: { weights: string }): string {
  return projectPath(weights);
}
