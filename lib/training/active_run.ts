// A run that is being trained.
import type { OnProgress } from "../common/progress";
import type { TrainConfig } from "../config/config";
import type { Metric, ScoredOn } from "../runs/metrics";
import type { TrainingSetup } from "./build";
import type { Ranks } from "./ranks/ranks";

/** A run while this process trains it. */
export interface Run {
  folder: string;
  config: Readonly<TrainConfig>;
  setup: TrainingSetup;
  /** The processes that train it together; undefined: this one alone. */
  ranks?: Ranks;
  /** Whether this process writes the run's files. */
  writes: boolean;
  /** What its retrieval is scored on; undefined where no classes are held out. */
  scoredOn?: ScoredOn | undefined;
  /** Writes what was measured to all files that hold it. */
  record(metric: Metric): void;
  /** Adds a line to the run's log. */
  log(line: string): void;
  onProgress?: OnProgress | undefined;
}
