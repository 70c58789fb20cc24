// Messages between a rank's process and its supervisor, over Node's IPC channel.
import type { ProgressReport } from "../../common/progress";
import type { Run } from "../active_run";
import type { Phase } from "../ranks/ranks";
import type { FailureKind } from "./rank_watch";

/** A run of several processes, and the ranks on this host. */
export interface RankJob extends Pick<Run, "folder" | "config"> {
  /** "host:port" of all ranks. */
  addresses: readonly string[];
  /** The ranks on this host. */
  ranks: readonly number[];
}

/** A message to a rank. */
export type ToRank =
  | ({ kind: "begin" } & Pick<RankJob, "folder" | "config">)
  /** Finish the step, save and end. */
  | { kind: "stop" };

/** A message from a rank. */
export type FromRank =
  | { kind: "beat" }
  | { kind: "phase"; phase: Phase; step: number }
  | { kind: "progress"; report: ProgressReport }
  | { kind: "device"; line: string }
  | { kind: "failed"; as: FailureKind; cause: string }
  | { kind: "ended"; reason: "finished" | "stopped" };
