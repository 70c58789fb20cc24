// The error of a failure in another process.

/** Ends this process's run after a failure in another process, which reports the cause. */
export class PeerFailure extends Error {
  override readonly name = "PeerFailure";
  readonly rank: number;

  constructor(rank: number) {
    super(`Rank ${rank} has failed.`);
    this.rank = rank;
  }
}
