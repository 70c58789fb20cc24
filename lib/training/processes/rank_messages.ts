// What a rank's process and the one that watches it tell each other, over Node's own channel between them.
import type { ProgressReport } from "../../common/progress";
import type { TrainConfig } from "../../config/config";
import type { Phase } from "../ranks/ranks";
import type { FailureKind } from "./rank_watch";

/** A run that several processes train, and which of them are on this host. */
export interface RankJob {
  folder: string;
  config: Readonly<TrainConfig>;
  /** "host:port" of all ranks. */
  addresses: readonly string[];
  /** Those on this host. */
  ranks: readonly number[];
}

/** To a rank. */
export type ToRank =
  | ({ kind: "begin" } & Pick<RankJob, "folder" | "config">)
  /** Finish the step, save and end. */
  | { kind: "stop" };

/** From a rank. */
export type FromRank =
  | { kind: "beat" }
  | { kind: "phase"; phase: Phase; step: number }
  | { kind: "progress"; report: ProgressReport }
  | { kind: "device"; line: string }
  | { kind: "failed"; as: FailureKind; cause: string }
  | { kind: "ended"; reason: "finished" | "stopped" };
