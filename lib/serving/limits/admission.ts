// Limits on requests under way, in total and per address.
import { shareOf } from "./addresses";
import { Refusal } from "./refusal";

/** Limits on requests under way. */
export interface AdmissionLimits {
  requests: number;
  /** Bytes of all bodies in memory. */
  bytes: number;
  /** Largest body: every address may hold at least this. */
  bodyBytes: number;
}

interface Held {
  requests: number;
  bytes: number;
}

/** Counts bytes of a body as they come. @throws Refusal if all bodies together are too large */
export type HoldBytes = (bytes: number) => void;

const RETRY_AFTER_SECONDS = 1;

/** Admits requests up to the limits, in total and per address, and counts their bytes. */
export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #all: Held = { requests: 0, bytes: 0 };
  readonly #byAddress = new Map<string, Held>();
  #refused = 0;

  constructor(limits: AdmissionLimits) {
    this.#limits = limits;
  }

  /** Requests under way, their bytes so far, and the count of refused ones. */
  get load(): { underWay: number; bodyBytes: number; refused: number } {
    return { underWay: this.#all.requests, bodyBytes: this.#all.bytes, refused: this.#refused };
  }

  /**
   * Does the work of a request.
   * @param address the client's, for the limit per address
   * @param work receives the function that counts the body's bytes
   * @throws Refusal: 503 if too much is under way, 429 if too much from this address is
   */
  async enter<T>(address: string, work: (hold: HoldBytes) => Promise<T>): Promise<T> {
    const ofAddress = this.#byAddress.get(address) ?? { requests: 0, bytes: 0 };
    this.#count(address, ofAddress, { requests: 1, bytes: 0 });
    this.#byAddress.set(address, ofAddress);
    let held = 0;
    try {
      return await work((bytes) => {
        this.#count(address, ofAddress, { requests: 0, bytes });
        held += bytes;
      });
    } finally {
      for (const sum of [this.#all, ofAddress]) {
        sum.requests--;
        sum.bytes -= held;
      }
      if (ofAddress.requests === 0) this.#byAddress.delete(address);
    }
  }

  #count(address: string, ofAddress: Held, more: Held): void {
    const { requests, bytes, bodyBytes } = this.#limits;
    if (isBeyond(this.#all, more, { requests, bytes }))
      throw this.#refusal(503, "too many requests are under way");
    const share = { requests: shareOf(address, requests), bytes: shareOf(address, bytes, bodyBytes) };
    if (isBeyond(ofAddress, more, share))
      throw this.#refusal(429, "too many requests from your address are under way");
    for (const sum of [this.#all, ofAddress]) {
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
