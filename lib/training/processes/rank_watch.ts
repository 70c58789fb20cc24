// Watches the processes of a run: finds failed, silent and stuck ones.
import type { Phase } from "../ranks/ranks";

/** The failure that ended a run, in one process. */
export interface Failure {
  rank: number;
  cause: string;
  /** True if a restart from the last checkpoint may succeed; false if the numbers themselves were at fault. */
  canRestart: boolean;
}

/** Kinds of failures, from the most to the least likely to be the cause and not a consequence. */
const KINDS = ["reported", "died", "behind", "silent", "peer"] as const;

/** `reported` by the process itself; `died`: it ended; `behind`, `silent`: see below; `peer`: it lost the others. */
export type FailureKind = (typeof KINDS)[number];

/** A process counts as hung after this time without a message; each sends a sign of life every second. */
export const SILENT_MS = 25_000;
/** Time after the first failure for others that may tell more. */
const SETTLE_MS = 1500;
/** Time that a process may stay in a phase while others wait for it. */
const PATIENCE_MS: Record<Phase, number> = {
  start: 600_000,
  batch: 40_000,
  step: 40_000,
  save: 600_000,
  evaluation: 600_000,
};
/** All processes may stay in one step for STEP_FACTOR times the longest step so far, plus STEP_MS. */
const STEP_FACTOR = 10;
const STEP_MS = 40_000;

interface RankState {
  heardAtMs: number | undefined;
  phase: Phase;
  step: number;
  sinceMs: number;
}

/** Watches the processes of a run; the caller passes the times. */
export class RankWatch {
  readonly #ranks: RankState[];
  readonly #failures: (Failure & { kind: FailureKind; atMs: number })[] = [];
  #longestStepMs = 0;

  readonly #silentMs: number;

  constructor(worldSize: number, nowMs: number, silentMs = SILENT_MS) {
    this.#silentMs = silentMs;
    this.#ranks = Array.from({ length: worldSize }, () => ({
      heardAtMs: undefined,
      phase: "start",
      step: 0,
      sinceMs: nowMs,
    }));
  }

  /** Notes a sign of life of a process. */
  beat(rank: number, nowMs: number): void {
    this.#ranks[rank]!.heardAtMs = nowMs;
  }

  /** Notes that a process has entered a phase. @param step the last step that it has taken */
  enter(rank: number, phase: Phase, step: number, nowMs: number): void {
    const state = this.#ranks[rank]!;
    if (state.phase === "step") this.#longestStepMs = Math.max(this.#longestStepMs, nowMs - state.sinceMs);
    Object.assign(state, { phase, step, sinceMs: nowMs, heardAtMs: nowMs });
  }

  /** Notes a failure of a process. */
  fail(rank: number, kind: FailureKind, cause: string, nowMs: number): void {
    this.#failures.push({ rank, kind, cause, canRestart: kind !== "reported", atMs: nowMs });
  }

  /** Returns the failure that ended the run, once it is clear; undefined while all is well or more may be reported. */
  failure(nowMs: number): Failure | undefined {
    const [first] = this.#failures;
    const found = first ? undefined : (this.#silent(nowMs) ?? this.#behind(nowMs) ?? this.#stuck(nowMs));
    if (found) return found;
    const [surest] = [...this.#failures].sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind));
    if (!first || !surest) return undefined;
    if (surest.kind !== "peer") return nowMs - first.atMs < SETTLE_MS ? undefined : surest;
    // Another process must be the cause: it will become silent
    const silent = this.#silent(nowMs);
    return silent ?? (nowMs - first.atMs < this.#silentMs + SETTLE_MS ? undefined : surest);
  }

  /** Tells where a process was last seen: "after step 12, loading its batch". */
  place(rank: number): string {
    const { phase, step } = this.#ranks[rank]!;
    return phase === "start" ? "before its first step" : `after step ${step}, ${DOING[phase]}`;
  }

  #silent(nowMs: number): Failure | undefined {
    const rank = this.#ranks.findIndex(
      ({ heardAtMs }) => heardAtMs !== undefined && nowMs - heardAtMs > this.#silentMs,
    );
    if (rank < 0) return undefined;
    const cause = `no sign of life for ${this.#silentMs / 1000} s (last seen ${this.place(rank)})`;
    return { rank, cause, canRestart: true };
  }

  /** Finds a process that all others wait for. */
  #behind(nowMs: number): Failure | undefined {
    const waitingSinceMs = Math.min(
      ...this.#ranks.filter(({ phase }) => phase === "step").map(({ sinceMs }) => sinceMs),
    );
    const rank = this.#ranks.findIndex(({ phase, sinceMs }) => {
      if (phase === "step" || waitingSinceMs === Infinity) return false;
      return nowMs - Math.max(sinceMs, waitingSinceMs) > PATIENCE_MS[phase];
    });
    if (rank < 0) return undefined;
    const seconds = PATIENCE_MS[this.#ranks[rank]!.phase] / 1000;
    const cause = `the others have waited for it for ${seconds} s (it is ${this.place(rank)})`;
    return { rank, cause, canRestart: true };
  }

  /** Finds a step that does not end in any process. */
  #stuck(nowMs: number): Failure | undefined {
    const limitMs = STEP_MS + STEP_FACTOR * this.#longestStepMs;
    const areStuck = this.#ranks.every(({ phase, sinceMs }) => phase === "step" && nowMs - sinceMs > limitMs);
    if (!areStuck || this.#longestStepMs === 0) return undefined;
    const cause = `step ${this.#ranks[0]!.step + 1} does not end on any rank after ${Math.round(limitMs / 1000)} s`;
    return { rank: 0, cause, canRestart: true };
  }
}

const DOING: Record<Phase, string> = {
  start: "starting",
  batch: "loading its batch",
  step: "computing the next",
  save: "saving",
  evaluation: "evaluating",
};
