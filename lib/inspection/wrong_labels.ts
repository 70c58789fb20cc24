// Likely wrong labels, and classes that are probably one: from the nearness of images to classes.
// Shapes: N images, C classes, T temperatures.
import type { OnProgress } from "../common/progress";
import type { Vectors } from "../common/vectors";
import { eachNearness } from "./class_nearness";

/** A label that is probably wrong. */
export interface WrongLabel {
  row: number;
  label: number;
  /** The nearest other class. */
  nearest: number;
  /** Estimated chance that the label is wrong, 0..1. */
  chance: number;
  /** Nearness to the nearest other class less nearness to its own: differences of cosines. */
  margin: number;
}

/** Two classes whose images are nearer to the other class than to their own so often that they may be one. */
export interface ClassPair {
  a: number;
  b: number;
  /** Share of each class's images that are nearer to the other class than to their own. */
  shareA: number;
  shareB: number;
}

/** Findings of labels. */
export interface LabelFindings {
  /** All images of classes with two or more images, the likeliest first. */
  labels: WrongLabel[];
  /** Estimated share of wrong labels, 0..1. */
  share: number;
  /** Classes that are probably one, the likeliest first. */
  same: ClassPair[];
  /** Nearness of each image to its three nearest images of any class, [N]. */
  nearness: Float64Array;
}

/** From this chance on a label is listed. */
export const LEAST_CHANCE = 0.5;
/** Two classes are probably one if at least this share of both is nearer to the other class. */
const LEAST_SHARE = 0.2;

/** Temperatures of the softmax over classes, and shares of wrong labels, that are tried. */
const TEMPERATURES = [0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.13, 0.17, 0.22, 0.3];
const SHARES = [0.003, 0.01, 0.02, 0.03, 0.04, 0.05, 0.07, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5];

/**
 * Finds likely wrong labels. A label is drawn, so the model, either from the softmax of the image's nearness to the
 * classes, or, with a small chance, from all classes alike; temperature and chance are those that make the given
 * labels likeliest. A label's chance to be wrong is that it came from the second draw.
 * @param unit vectors of unit length, whitened if there are enough, [N, D]
 * @param labels class of every image, 0 .. C - 1, [N]
 */
export async function findWrongLabels(
  unit: Vectors,
  labels: ArrayLike<number>,
  classes: number,
  onProgress?: OnProgress,
): Promise<LabelFindings> {
  const sizes = new Int32Array(classes);
  for (let row = 0; row < unit.count; row++) sizes[labels[row]!]!++;
  const found: Omit<WrongLabel, "chance">[] = [];
  const ownLogs: Float64Array[] = [];
  const nearness = new Float64Array(unit.count);
  const nearer = new Map<number, number>();
  await eachNearness(
    unit,
    labels,
    classes,
    ({ row, classes: scores, any }) => {
      nearness[row] = any;
      const label = labels[row]!;
      const own = scores[label]!;
      if (Number.isNaN(own)) return;
      let nearest = -1;
      for (let c = 0; c < classes; c++) {
        if (c === label || Number.isNaN(scores[c]!)) continue;
        if (nearest < 0 || scores[c]! > scores[nearest]!) nearest = c;
        if (scores[c]! > own) nearer.set(label * classes + c, (nearer.get(label * classes + c) ?? 0) + 1);
      }
      if (nearest < 0) return;
      found.push({ row, label, nearest, margin: scores[nearest]! - own });
      ownLogs.push(logShares(scores, label));
    },
    onProgress,
  );
  const { chances, share } = fitShare(ownLogs, classes);
  const wrong = found.map((label, i) => ({ ...label, chance: chances[i]! }));
  wrong.sort((a, b) => b.chance - a.chance || b.margin - a.margin || a.row - b.row);
  return { labels: wrong, share, same: sameClasses(nearer, sizes), nearness };
}

/** Returns the logarithm of the own class's softmax at every temperature, [T]. */
function logShares(scores: Float64Array, label: number): Float64Array {
  const own = scores[label]!;
  return Float64Array.from(TEMPERATURES, (temperature) => {
    let sum = 0;
    for (const score of scores) if (!Number.isNaN(score)) sum += Math.exp((score - own) / temperature);
    return -Math.log(sum);
  });
}

/** Fits temperature and share of wrong labels. @returns each label's chance to be wrong */
function fitShare(
  ownLogs: readonly Float64Array[],
  classes: number,
): { chances: Float64Array; share: number } {
  let best = { likelihood: Number.NEGATIVE_INFINITY, at: 0, share: 0 };
  for (let at = 0; at < TEMPERATURES.length; at++) {
    for (const share of SHARES) {
      let likelihood = 0;
      for (const logs of ownLogs) likelihood += Math.log((1 - share) * Math.exp(logs[at]!) + share / classes);
      if (likelihood > best.likelihood) best = { likelihood, at, share };
    }
  }
  const { at, share } = best;
  const chances = Float64Array.from(ownLogs, (logs) => {
    const byChance = share / classes;
    return byChance / ((1 - share) * Math.exp(logs[at]!) + byChance);
  });
  return { chances, share: ownLogs.length === 0 ? 0 : share };
}

function sameClasses(nearer: ReadonlyMap<number, number>, sizes: Int32Array): ClassPair[] {
  const classes = sizes.length;
  const pairs: ClassPair[] = [];
  for (const [key, count] of nearer) {
    const [a, b] = [Math.floor(key / classes), key % classes];
    const shareA = count / sizes[a]!;
    const shareB = (nearer.get(b * classes + a) ?? 0) / sizes[b]!;
    if (a < b && Math.min(shareA, shareB) >= LEAST_SHARE) pairs.push({ a, b, shareA, shareB });
  }
  const least = ({ shareA, shareB }: ClassPair) => Math.min(shareA, shareB);
  return pairs.sort((x, y) => least(y) - least(x) || x.a - y.a || x.b - y.b);
}
