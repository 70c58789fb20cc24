// Streams of random numbers, seeded by purpose.
import { createHash } from "node:crypto";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";

/** A stream of random numbers. The same seed and purpose give the same stream on every machine. */
export interface RandomStream {
  /** Draws uniformly from [0, 1), 32 bits. */
  uniform(): number;
  /** Draws an integer uniformly from [low, high], both included. */
  integer(low: number, high: number): number;
  /** Draws from the standard normal distribution. */
  normal(): number;
  /** Returns a shuffled copy (Fisher-Yates). */
  shuffle<T>(items: readonly T[]): T[];
}

/**
 * Makes a separate random stream for one purpose, for example `randomStream(seed, "augment", epoch, row)`.
 * Streams of different purposes are independent: the seed and the purpose are hashed together (SHA-256).
 * @example
 * const random = randomStream(999, "folds"); random.normal(); // the same number each time
 */
export function randomStream(seed: number, ...purpose: (string | number)[]): RandomStream {
  const digest = createHash("sha256")
    .update(JSON.stringify([seed, ...purpose]))
    .digest();
  const generator = xoroshiro128plusFromState([0, 4, 8, 12].map((offset) => digest.readInt32LE(offset)));
  const uniform = () => (generator.next() + 0x80000000) / 0x100000000; // next() is an int32
  const integer = (low: number, high: number) => uniformInt(generator, low, high);
  return {
    uniform,
    integer,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    shuffle: (items) => {
      const copy = [...items];
      for (let i = copy.length - 1; i > 0; i--) {
        const j = integer(0, i);
        [copy[i], copy[j]] = [copy[j]!, copy[i]!];
      }
      return copy;
    },
  };
}
