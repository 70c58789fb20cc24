// Makes the demo's classes uneven: some training classes get more views of their drawings.
import { randomStream } from "../../common/random";
import type { DemoClass } from "./classes";

/** One in this many training classes is made large. */
const CLASSES_PER_LARGE = 30;
/** Pictures of the largest class. */
const LARGEST = 240;
/** The n-th largest class has `LARGEST / n ** EXPONENT` pictures. */
const EXPONENT = 0.75;
/** Large classes have at least this many drawings: Data_preprocessing drops none of them. */
const LEAST_DRAWINGS = 5;

/**
 * Chooses the large classes among the training classes of all groups, and their numbers of pictures, which fall by a
 * power law.
 * @returns the number of pictures to add to each large class
 */
export function planTail(classes: readonly DemoClass[], seed: number): Map<DemoClass, number> {
  const suitable = classes.filter(({ drawings }) => drawings.length >= LEAST_DRAWINGS);
  const large = randomStream(seed, "demo tail")
    .shuffle(suitable)
    .slice(0, Math.floor(classes.length / CLASSES_PER_LARGE));
  const added = large.map((entry, place) => {
    const pictures = Math.round(LARGEST / (place + 1) ** EXPONENT);
    return [entry, Math.max(0, pictures - entry.drawings.length)] as const;
  });
  return new Map(added);
}
