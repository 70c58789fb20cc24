// Limits how many requests may be under way, in all and per address.
import { shareOf } from "./addresses";
import { Refusal } from "./refusal";

/** What may be under way at once. */
export interface AdmissionLimits {
  requests: number;
  /** Of bodies, in memory. */
  bytes: number;
  /** Of one body: the least that an address may hold. */
  bodyBytes: number;
}

interface Held {
  requests: number;
  bytes: number;
}

/** Counts bytes of a body that have come. @throws Refusal where they are too many beside the others */
export type HoldBytes = (bytes: number) => void;

const RETRY_AFTER_SECONDS = 1;

/** Lets requests in while few are under way, in all and of each address, and counts the bytes that they bring. */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #all: Held = { requests: 0, bytes: 0 };
  readonly #byAddress = new Map<string, Held>();
  #refused = 0;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  /** How many are under way, the bytes that they have brought, and how many were refused. */
  get load(): { underWay: number; bodyBytes: number; refused: number } {
    return { underWay: this.#all.requests, bodyBytes: this.#all.bytes, refused: this.#refused };
  }

  /**
   * Does the work of a request.
   * @param address whose share it takes
   * @param work is given the function that counts what comes of the body
   * @throws Refusal: 503 where too much is under way, 429 where too much of this address is
   */
  async enter<T>(address: string, work: (hold: HoldBytes) => Promise<T>): Promise<T> {
    const own = this.#byAddress.get(address) ?? { requests: 0, bytes: 0 };
    this.#count(address, own, { requests: 1, bytes: 0 });
    this.#byAddress.set(address, own);
    let held = 0;
    try {
      return await work((bytes) => {
        this.#count(address, own, { requests: 0, bytes });
        held += bytes;
      });
    } finally {
      for (const sum of [this.#all, own]) {
        sum.requests--;
        sum.bytes -= held;
      }
      if (own.requests === 0) this.#byAddress.delete(address);
    }
  }

  #count(address: string, own: Held, more: Held): void {
    const { requests, bytes, bodyBytes } = this.#limits;
    if (isBeyond(this.#all, more, { requests, bytes }))
      throw this.#refusal(503, "too many requests are under way");
    const share = { requests: shareOf(address, requests), bytes: shareOf(address, bytes, bodyBytes) };
    if (isBeyond(own, more, share))
      throw this.#refusal(429, "too many requests from your address are under way");
    for (const sum of [this.#all, own]) {
      sum.requests += more.requests;
      sum.bytes += more.bytes;
    }
  }

  #refusal(status: number, reason: string): Refusal {
    this.#refused++;
    return new Refusal(status, `${reason}: try again in a moment`, {
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    });
  }
}

function isBeyond(held: Held, more: Held, most: Held): boolean {
  return held.requests + more.requests > most.requests || held.bytes + more.bytes > most.bytes;
}
