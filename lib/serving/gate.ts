import { Refusal } from "./refusal";

/** What may be under way at once. */
export interface GateLimits {
  requests: number;
  /** Of bodies, in memory. */
  bytes: number;
}

const RETRY_AFTER_SECONDS = 1;

/** Lets requests in as long as few enough are under way; refuses the others at once, before their bodies are read. */
export class Gate {
  readonly #limits: GateLimits;
  #requests = 0;
  #bytes = 0;
  #refused = 0;

  constructor(limits: GateLimits) {
    this.#limits = limits;
  }

  /** How many are under way, and were refused. */
  get load(): { underWay: number; refused: number } {
    return { underWay: this.#requests, refused: this.#refused };
  }

  /**
   * Does the work of a request.
   * @param bytes what its body may take
   * @throws Refusal (503) where too much is under way
   */
  async enter<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const { requests, bytes: mostBytes } = this.#limits;
    if (this.#requests >= requests || (this.#requests > 0 && this.#bytes + bytes > mostBytes)) {
      this.#refused++;
      throw new Refusal(503, "too many requests are under way: try again in a moment", {
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    }
    this.#requests++;
    this.#bytes += bytes;
    try {
      return await work();
    } finally {
      this.#requests--;
      this.#bytes -= bytes;
    }
  }
}
