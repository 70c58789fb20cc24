// Twins: pairs of photos that are one photo, also if one was cropped, mirrored, turned or brightened.
// Shapes: N photos, D numbers per photo.

import { withDatabase } from "../common/database/database";
import { checkInterrupt } from "../common/interrupt";
import type { OnProgress } from "../common/progress";
import type { Vectors } from "../common/vectors";
import { nearestNeighbours } from "../retrieval/neighbours";
import { type Alignment, alignPictures, type Prepared } from "./aligned_pair";
import { findPairs } from "./near_hashes";
import { isOfOneColour } from "./odd_files";
import { hashOfGrey } from "./perceptual_hash";

/** Two photos that are one. */
export interface Twin {
  /** Rows, a < b. */
  a: number;
  b: number;
  /** Agreement of the aligned pictures, `LEAST_LIKENESS` to 1. */
  likeness: number;
  mirrored: boolean;
  /** Number of the pair's group, from 0: all photos of a group are twins of each other; -1 between two groups. */
  group: number;
}

/** The least agreement of two aligned copies: on half of Grocery's classes 0.6 % of the photos had such a neighbour. */
export const LEAST_LIKENESS = 0.976;
/** The number of nearest neighbours of a photo that are compared with it. */
const CANDIDATES = 8;
const HASH_BITS = 4;
const HASH_SIDE = 32;
/** The group of a pair whose photos belong to two groups. */
const ALONE = -1;
const PAIRS_PER_TURN = 50;

/**
 * Finds twins. Candidates are a photo's nearest neighbours by the model's vectors, and photos with nearly the same
 * perceptual hash; a pair is one photo if its small grey pictures agree after an affine alignment. Photos of one thing
 * that was moved, or of another angle, agree less.
 * @param unit vectors, [N, D]; whitened ones find more
 * @param looks [N]
 */
export async function findTwins(
  unit: Vectors,
  looks: readonly Prepared[],
  onProgress?: OnProgress,
): Promise<Twin[]> {
  const compared = new Map<number, Alignment | undefined>();
  const compare = (a: number, b: number) => {
    const [first, second] = [Math.min(a, b), Math.max(a, b)];
    const key = first * looks.length + second;
    if (!compared.has(key)) compared.set(key, alignment(looks[first]!, looks[second]!));
    return compared.get(key);
  };
  const candidates = await candidatePairs(unit, looks);
  const found: Omit<Twin, "group">[] = [];
  for (const [i, [a, b]] of candidates.entries()) {
    if (i % PAIRS_PER_TURN === 0) {
      await checkInterrupt();
      onProgress?.({ stage: "twins", done: i, total: candidates.length, unit: "pairs" });
    }
    const aligned = compare(a, b);
    if (aligned) found.push({ a, b, likeness: aligned.likeness, mirrored: aligned.mirrored });
  }
  onProgress?.({ stage: "twins", done: candidates.length, total: candidates.length, unit: "pairs" });
  found.sort((x, y) => y.likeness - x.likeness || x.a - y.a || x.b - y.b);
  return groupTwins(found, (a, b) => compare(a, b) !== undefined);
}

/** Returns how two photos agree; undefined if they are not one photo. */
function alignment(a: Prepared, b: Prepared): Alignment | undefined {
  if (isOfOneColour(a.fine.grey)) return undefined;
  if (a.fine.grey.every((value, i) => value === b.fine.grey[i]))
    return { likeness: 1, common: 1, mirrored: false };
  const aligned = alignPictures(a, b);
  return aligned && aligned.likeness >= LEAST_LIKENESS ? aligned : undefined;
}

/** Lists the pairs to compare, each once, the lower row first. */
async function candidatePairs(unit: Vectors, looks: readonly Prepared[]): Promise<[number, number][]> {
  const pairs = new Set<number>();
  const add = (a: number, b: number) => pairs.add(Math.min(a, b) * looks.length + Math.max(a, b));
  const { positions } = await nearestNeighbours(unit, unit, CANDIDATES, { own: "same" });
  for (const [a, row] of positions.entries()) for (const b of row) add(a, b);
  for (const { a, b } of await hashPairs(looks)) add(a, b);
  return [...pairs].sort((x, y) => x - y).map((key) => [Math.floor(key / looks.length), key % looks.length]);
}

async function hashPairs(looks: readonly Prepared[]): Promise<{ a: number; b: number }[]> {
  return withDatabase(async (database) => {
    await database.run(
      "CREATE TABLE hashes (place INTEGER, hash UBIGINT, blueness INTEGER, redness INTEGER)",
    );
    const rows = looks.map(({ fine }, place) => `(${place}, ${hashOfGrey(halved(fine.grey))}, 0, 0)`);
    for (let first = 0; first < rows.length; first += 1_000)
      await database.run(`INSERT INTO hashes VALUES ${rows.slice(first, first + 1_000).join(", ")}`);
    await findPairs(database, HASH_BITS);
    return database.rows<{ a: number; b: number }>("SELECT a, b FROM pairs ORDER BY a, b");
  });
}

/** Halves the side of a grey picture, [64, 64] -> [32, 32]. */
function halved(grey: Float32Array): Float64Array {
  return Float64Array.from({ length: HASH_SIDE * HASH_SIDE }, (_, i) => {
    const at = 4 * HASH_SIDE * Math.floor(i / HASH_SIDE) + 2 * (i % HASH_SIDE);
    const below = at + 2 * HASH_SIDE;
    return (grey[at]! + grey[at + 1]! + grey[below]! + grey[below + 1]!) / 4;
  });
}

/**
 * Numbers the groups: two groups become one only if every photo of the one is a twin of every photo of the other, so
 * that no chain of likenesses joins two different photos.
 * @param found the likest pair first
 */
export function groupTwins(
  found: readonly Omit<Twin, "group">[],
  areTwins: (a: number, b: number) => boolean,
): Twin[] {
  const groups = new Map<number, number[]>();
  const groupOf = (row: number) => {
    if (!groups.has(row)) groups.set(row, [row]);
    return groups.get(row)!;
  };
  for (const { a, b } of found) {
    const [first, second] = [groupOf(a), groupOf(b)];
    if (first === second || !first.every((x) => second.every((y) => areTwins(x, y)))) continue;
    const joined = [...first, ...second];
    for (const row of joined) groups.set(row, joined);
  }
  const numbers = new Map<number[], number>();
  return found.map((twin) => {
    const group = groups.get(twin.a)!;
    if (group !== groups.get(twin.b)) return { ...twin, group: ALONE };
    if (!numbers.has(group)) numbers.set(group, numbers.size);
    return { ...twin, group: numbers.get(group)! };
  });
}
