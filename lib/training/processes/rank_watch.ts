// Whether the processes of a run are well: what they tell of themselves, and when nothing is heard of them.
import type { Phase } from "../ranks/ranks";

/** What ended a run, in one process. */
export interface Failure {
  rank: number;
  cause: string;
  /** Whether the same may go well from the last checkpoint: not where the numbers themselves were at fault. */
  canRestart: boolean;
}

/** How sure it is that a failure is the cause and not a consequence; from the surest. */
const KINDS = ["reported", "died", "behind", "silent", "peer"] as const;

/** `reported`: by the process itself; `died`: it ended; `behind`, `silent`: see below; `peer`: it lost the others. */
export type FailureKind = (typeof KINDS)[number];

/** A process of which nothing was heard for so long has hung; each tells every second that it lives. */
export const SILENT_MS = 25_000;
/** After the first failure others may come that tell more. */
const SETTLE_MS = 1500;
/** How long a process may stay in a phase while others wait for it. */
const PATIENCE_MS: Record<Phase, number> = {
  start: 600_000,
  batch: 40_000,
  step: 40_000,
  save: 600_000,
  evaluation: 600_000,
};
/** All processes together may stay in one step for so many times the longest before, and this. */
const STEP_FACTOR = 10;
const STEP_MS = 40_000;

interface RankState {
  heardAtMs: number | undefined;
  phase: Phase;
  step: number;
  sinceMs: number;
}

/** Watches the processes of a run; times are given from outside. */
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

  /** A process lives. */
  beat(rank: number, nowMs: number): void {
    this.#ranks[rank]!.heardAtMs = nowMs;
  }

  /** A process has come to a phase. @param step the last step that it has taken */
  enter(rank: number, phase: Phase, step: number, nowMs: number): void {
    const state = this.#ranks[rank]!;
    if (state.phase === "step") this.#longestStepMs = Math.max(this.#longestStepMs, nowMs - state.sinceMs);
    Object.assign(state, { phase, step, sinceMs: nowMs, heardAtMs: nowMs });
  }

  /** Something is wrong with a process. */
  fail(rank: number, kind: FailureKind, cause: string, nowMs: number): void {
    this.#failures.push({ rank, kind, cause, canRestart: kind !== "reported", atMs: nowMs });
  }

  /** What has ended the run, once that is clear; undefined while all is well or more may be heard. */
  failure(nowMs: number): Failure | undefined {
    const [first] = this.#failures;
    const found = first ? undefined : (this.#silent(nowMs) ?? this.#behind(nowMs) ?? this.#stuck(nowMs));
    if (found) return found;
    const [surest] = [...this.#failures].sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind));
    if (!first || !surest) return undefined;
    if (surest.kind !== "peer") return nowMs - first.atMs < SETTLE_MS ? undefined : surest;
    // Another process must be the cause: its silence will tell which
    const silent = this.#silent(nowMs);
    return silent ?? (nowMs - first.atMs < this.#silentMs + SETTLE_MS ? undefined : surest);
  }

  /** Where a process was last seen: "after step 12, loading its batch". */
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

  /** One for which all others wait. */
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

  /** All of them in one step that does not end. */
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
