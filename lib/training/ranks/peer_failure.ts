// A failure that another process reports.

/** What ended this process's run happened in another one, which reports it. */
export class PeerFailure extends Error {
  override readonly name = "PeerFailure";
  readonly rank: number;

  constructor(rank: number) {
    super(`Rank ${rank} has failed.`);
    this.rank = rank;
  }
}
