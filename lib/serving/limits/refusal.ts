// The error for a refused request: an HTTP status and a sentence.

/** A refused request. The message goes to the client. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  /** Seconds after which the client should try again. */
  readonly retryAfterSeconds: number | undefined;

  /** @param status HTTP status, 400..599 */
  constructor(
    status: number,
    reason: string,
    { retryAfterSeconds, cause }: { retryAfterSeconds?: number; cause?: unknown } = {},
  ) {
    super(reason, { cause });
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
