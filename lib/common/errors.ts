// Errors that a person can fix, and helpers for their messages.

/**
 * An error that a person can fix: what was expected, what came, where, and what to do next.
 * The command line prints it without a stack trace; a notebook shows it as it is.
 */
export class UserError extends Error {
  override readonly name = "UserError";
  /** The message without `next`: what was expected, what came, and where. */
  readonly what: string;
  /** The next step, as a sentence or a command. */
  readonly next: string | undefined;
  /** True if the same command may succeed later: a process or host was lost, or a place is in use. */
  readonly mayPass: boolean;

  /**
   * @param what what was expected, what came, and where
   * @param next what to do next, as a sentence or a command
   * @param options.mayPass see `mayPass`; default false
   */
  constructor(what: string, next?: string, options?: ErrorOptions & { mayPass?: boolean }) {
    super(next ? `${what}\n  Next: ${next}` : what, options);
    this.what = what;
    this.next = next;
    this.mayPass = options?.mayPass ?? false;
  }
}

/** Returns the message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Returns the name in `known` that differs least from `name`, for "did you mean" hints; undefined if none is near. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best && best.distance <= Math.max(2, Math.ceil(name.length / 3)) ? best.candidate : undefined;
}

/** Returns the Levenshtein distance: insertions, deletions and substitutions. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, substitution));
    }
    row = next;
  }
  return row[b.length]!;
}
