// The untrained backbone's scores on a run's queries: what the training has to beat.
import type { HeldOutScores, Untrained } from "./metrics";

/** A run's scores on held-out classes, and those of the untrained backbone. */
export type AgainstUntrained = HeldOutScores & { untrained?: Untrained | undefined };

/** The verdict on a run that scores below the untrained backbone. */
export const WORSE = "worse than no training";

/** Returns how far a run's mP@5 is above the better of the two untrained scores; undefined without any. */
export function gainOf({ mp5, untrained }: AgainstUntrained): number | undefined {
  const scores = [untrained?.backbone?.mp5, untrained?.whitened?.mp5].filter((score) => score !== undefined);
  return scores.length === 0 ? undefined : mp5 - Math.max(...scores);
}

/**
 * Formats "no training: backbone mP@5 0.965, whitened 0.971; worse than no training by 0.195"; "" for runs that are
 * older than these scores.
 */
export function untrainedText(scores: AgainstUntrained | undefined): string {
  if (!scores?.untrained) return "";
  const gain = gainOf(scores);
  return `${quotedText(scores.untrained)}${gain === undefined ? "" : `; ${verdict(gain)}`}`;
}

/** Formats "no training: backbone mP@5 0.965, whitened 0.971", or the reason for leaving the scores out. */
export function quotedText({ backbone, whitened, leftOut }: Untrained): string {
  if (!backbone) return `no training: ${leftOut ?? "not scored"}`;
  const ofWhitened = whitened
    ? `, whitened ${whitened.mp5.toFixed(3)}`
    : " (not whitened: too few images, or too much alike)";
  return `no training: backbone mP@5 ${backbone.mp5.toFixed(3)}${ofWhitened}`;
}

/** Formats "0.041 better than no training" or "worse than no training by 0.195". */
function verdict(gain: number): string {
  const digits = Math.abs(gain).toFixed(3);
  if (Number(digits) === 0) return "no better than no training";
  return gain > 0 ? `${digits} better than no training` : `${WORSE} by ${digits}`;
}
