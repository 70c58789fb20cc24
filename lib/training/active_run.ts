// The run that this process is training: config, setup, recording functions.
import type { OnProgress } from "../common/progress";
import type { TrainConfig } from "../config/config";
import type { Metric, ScoredOn, Untrained } from "../runs/metrics";
import type { TrainingSetup } from "./build";
import type { Ranks } from "./ranks/ranks";

/** A run while this process trains it. */
export interface Run {
  folder: string;
  config: Readonly<TrainConfig>;
  setup: TrainingSetup;
  /** The processes that train it together; undefined if this one trains alone. */
  ranks?: Ranks;
  /** True if this process writes the run's files. */
  writes: boolean;
  /** The data that its retrieval is scored on; undefined if no classes are held out. */
  scoredOn?: ScoredOn | undefined;
  /** Scores of the untrained backbone on the same data. */
  untrained?: Untrained | undefined;
  /** Writes a metric to `metrics.jsonl` and the event file. */
  record(metric: Metric): void;
  /** Appends a line to the run's log. */
  log(line: string): void;
  onProgress?: OnProgress | undefined;
}
