// Why a request is not answered, as an HTTP status and a sentence.

/** An answer other than the one asked for. Its message goes to the client. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  /** Seconds after which it is worth trying again. */
  readonly retryAfterSeconds: number | undefined;

  /** @param status of HTTP, 400..599 */
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
