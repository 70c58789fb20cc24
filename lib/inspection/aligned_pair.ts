// Tells whether two pictures are one photo: aligns small grey pictures by an affine map and compares them.
// Shapes: S side of a grey picture, n pixels of a grid.

/** A small grey picture, [S, S], squashed to a square; values of 0 .. 255. */
export interface Thumbnail {
  side: number;
  grey: Float32Array;
}

/** The result of aligning two pictures. */
export interface Alignment {
  /** Mean correlation of the blocks of the common part from the worst quarter to the middle, -1..1: 1 for copies. */
  likeness: number;
  /** Share of the first picture that is in the second, 0..1. */
  common: number;
  mirrored: boolean;
}

/**
 * Parameters of an affine map from a point of the first picture to one of the second, both in -1..1:
 * x' = p0 x + p1 y + p2, y' = p3 x + p4 y + p5.
 */
type Affine = Float64Array;

/** Sizes of the maps from which the search begins; at sizes other than 1 also moved to the sides by `MOVES`. */
const SIZES = [1, 0.85, 1.18, 0.7, 1.43];
const MOVES = [0, -0.2, 0.2];
/** Turns in radians from which it begins at size 1. */
const TURNS = [0.17, -0.17];
/** The number of starts that are refined: those with the best correlation. */
const REFINED = 4;
const COARSE_SIDE = 16;
const COARSE_ROUNDS = 12;
const FINE_ROUNDS = 8;
/** A coarse alignment with less correlation is given up. */
const LEAST_COARSE = 0.75;
/** At least this share must be common to both. */
const LEAST_COMMON = 0.3;
const BLOCKS = 4;
/** This share of the worst blocks is passed over: text over a picture, corners of a turned one. */
const PASSED_OVER = 0.25;
/** Number of unknowns: six of the map, brightness and contrast. */
const UNKNOWNS = 8;

/** A picture in two sizes, prepared for many comparisons. */
export interface Prepared {
  coarse: Thumbnail;
  fine: Thumbnail;
  mirrored: { coarse: Thumbnail; fine: Thumbnail };
}

/** Prepares a thumbnail whose side is a multiple of 16. */
export function prepareThumbnail(fine: Thumbnail): Prepared {
  const coarse = shrunk(fine, COARSE_SIDE);
  return { coarse, fine, mirrored: { coarse: mirrored(coarse), fine: mirrored(fine) } };
}

/** Aligns picture `b`, or its mirror image, with picture `a`; undefined if no alignment is any good. */
export function alignPictures(a: Prepared, b: Prepared): Alignment | undefined {
  const starts = [false, true].flatMap((mirrored) =>
    START_MAPS.map((map) => {
      const { coarse } = mirrored ? b.mirrored : b;
      return { map, mirrored, coarse, score: correlation(a.coarse, coarse, map).all };
    }),
  );
  starts.sort((x, y) => y.score - x.score);
  let best: { map: Affine; score: number; mirrored: boolean } | undefined;
  for (const { map: start, mirrored, coarse } of starts.slice(0, REFINED)) {
    const map = refine(a.coarse, coarse, start, COARSE_ROUNDS);
    const score = map ? correlation(a.coarse, coarse, map).all : Number.NEGATIVE_INFINITY;
    if (map && score > (best?.score ?? LEAST_COARSE)) best = { map, score, mirrored };
  }
  if (!best) return undefined;
  const { fine } = best.mirrored ? b.mirrored : b;
  const map = refine(a.fine, fine, best.map, FINE_ROUNDS) ?? best.map;
  const { worse, common } = correlation(a.fine, fine, map);
  return { likeness: worse, common, mirrored: best.mirrored };
}

const START_MAPS: readonly Affine[] = [
  ...SIZES.flatMap((size) =>
    (size === 1 ? [0] : MOVES).flatMap((x) =>
      (size === 1 ? [0] : MOVES).map((y) => Float64Array.of(size, 0, x * size, 0, size, y * size)),
    ),
  ),
  ...TURNS.map((turn) => {
    const [c, s] = [Math.cos(turn), Math.sin(turn)];
    return Float64Array.of(c, -s, 0, s, c, 0);
  }),
];

function shrunk({ side, grey }: Thumbnail, to: number): Thumbnail {
  const step = side / to;
  const small = new Float32Array(to * to);
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++)
      small[Math.floor(y / step) * to + Math.floor(x / step)]! += grey[y * side + x]! / (step * step);
  return { side: to, grey: small };
}

function mirrored({ side, grey }: Thumbnail): Thumbnail {
  const flipped = new Float32Array(grey.length);
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) flipped[y * side + x] = grey[y * side + side - 1 - x]!;
  return { side, grey: flipped };
}

/** Values of a picture and their slopes at a point, by bilinear interpolation: [value, slope in x, slope in y]. */
const at = new Float64Array(3);

/** Fills `at` for the point (x, y) in -1..1. @returns false outside of the picture */
function sample({ side, grey }: Thumbnail, x: number, y: number): boolean {
  const [u, v] = [((x + 1) * side - 1) / 2, ((y + 1) * side - 1) / 2];
  const [left, top] = [Math.floor(u), Math.floor(v)];
  if (left < 0 || top < 0 || left >= side - 1 || top >= side - 1) return false;
  const [fx, fy] = [u - left, v - top];
  const place = top * side + left;
  const [a, b] = [grey[place]!, grey[place + 1]!];
  const [c, d] = [grey[place + side]!, grey[place + side + 1]!];
  const [upper, lower] = [a + (b - a) * fx, c + (d - c) * fx];
  at[0] = upper + (lower - upper) * fy;
  at[1] = (((b - a) * (1 - fy) + (d - c) * fy) * side) / 2;
  at[2] = ((lower - upper) * side) / 2;
  return true;
}

/**
 * Refines a map by Gauss-Newton steps that also fit contrast and brightness (Lucas and Kanade).
 * @returns undefined if the common part gets too small or the pictures are flat
 */
function refine(a: Thumbnail, b: Thumbnail, start: Affine, rounds: number): Affine | undefined {
  const map = start.slice();
  const row = new Float64Array(UNKNOWNS);
  for (let round = 0; round < rounds; round++) {
    const normal = new Float64Array(UNKNOWNS * (UNKNOWNS + 1));
    let count = 0;
    for (let j = 0; j < a.side; j++) {
      const y = (2 * j + 1) / a.side - 1;
      for (let i = 0; i < a.side; i++) {
        const x = (2 * i + 1) / a.side - 1;
        const inside = sample(b, map[0]! * x + map[1]! * y + map[2]!, map[3]! * x + map[4]! * y + map[5]!);
        if (!inside) continue;
        count++;
        const [value, dx, dy] = at as unknown as [number, number, number];
        row[0] = dx * x;
        row[1] = dx * y;
        row[2] = dx;
        row[3] = dy * x;
        row[4] = dy * y;
        row[5] = dy;
        row[6] = value;
        row[7] = 1;
        addToNormal(normal, row, a.grey[j * a.side + i]!);
      }
    }
    if (count < LEAST_COMMON * a.side * a.side) return undefined;
    const step = solve(normal);
    if (!step || !(step[6]! > 0.1)) return undefined;
    let moved = 0;
    for (let i = 0; i < 6; i++) {
      const change = Math.max(-0.2, Math.min(0.2, step[i]! / step[6]!));
      map[i]! += change;
      moved = Math.max(moved, Math.abs(change));
    }
    if (moved < 1e-3) break;
  }
  return isSensible(map) ? map : undefined;
}

/** Adds a row's products to the normal equations, [8, 9]: the last column is the right side. */
function addToNormal(normal: Float64Array, row: Float64Array, target: number): void {
  for (let i = 0; i < UNKNOWNS; i++) {
    const value = row[i]!;
    const place = i * (UNKNOWNS + 1);
    for (let j = i; j < UNKNOWNS; j++) normal[place + j]! += value * row[j]!;
    normal[place + UNKNOWNS]! += value * target;
  }
}

/** Solves the normal equations by Gauss elimination; undefined if they are singular. */
function solve(normal: Float64Array): Float64Array | undefined {
  const width = UNKNOWNS + 1;
  for (let i = 0; i < UNKNOWNS; i++)
    for (let j = 0; j < i; j++) normal[i * width + j] = normal[j * width + i]!;
  for (let i = 0; i < UNKNOWNS; i++) normal[i * width + i]! *= 1 + 1e-6;
  for (let i = 0; i < UNKNOWNS; i++) {
    const pivot = normal[i * width + i]!;
    if (!(pivot > 1e-9)) return undefined;
    for (let k = i + 1; k < UNKNOWNS; k++) {
      const factor = normal[k * width + i]! / pivot;
      for (let j = i; j < width; j++) normal[k * width + j]! -= factor * normal[i * width + j]!;
    }
  }
  const solution = new Float64Array(UNKNOWNS);
  for (let i = UNKNOWNS - 1; i >= 0; i--) {
    let rest = normal[i * width + UNKNOWNS]!;
    for (let j = i + 1; j < UNKNOWNS; j++) rest -= normal[i * width + j]! * solution[j]!;
    solution[i] = rest / normal[i * width + i]!;
  }
  return solution;
}

/** Returns whether a map keeps size and shape roughly: crops, turns and squashed copies do. */
function isSensible([a, b, , c, d]: Affine): boolean {
  const area = a! * d! - b! * c!;
  return area > 0.3 && area < 3.3 && Math.abs(b!) < 0.5 && Math.abs(c!) < 0.5;
}

/** Correlates two aligned pictures: over all common pixels, and by blocks of the first. */
function correlation(a: Thumbnail, b: Thumbnail, map: Affine) {
  const sums = Array.from({ length: BLOCKS * BLOCKS + 1 }, () => new Float64Array(6));
  for (let j = 0; j < a.side; j++) {
    const y = (2 * j + 1) / a.side - 1;
    for (let i = 0; i < a.side; i++) {
      const x = (2 * i + 1) / a.side - 1;
      const inside = sample(b, map[0]! * x + map[1]! * y + map[2]!, map[3]! * x + map[4]! * y + map[5]!);
      if (!inside) continue;
      const block = Math.floor((j * BLOCKS) / a.side) * BLOCKS + Math.floor((i * BLOCKS) / a.side);
      const [p, q] = [a.grey[j * a.side + i]!, at[0]!];
      for (const sum of [sums[block]!, sums.at(-1)!]) {
        sum[0]! += 1;
        sum[1]! += p;
        sum[2]! += q;
        sum[3]! += p * p;
        sum[4]! += q * q;
        sum[5]! += p * q;
      }
    }
  }
  const whole = sums.pop()!;
  const pixels = (a.side * a.side) / (BLOCKS * BLOCKS);
  const blocks = sums.filter((sum) => sum[0]! > pixels / 2).map(correlationOf);
  const known = blocks.filter((value) => value !== undefined).sort((x, y) => x - y);
  const half = known.slice(Math.floor(known.length * PASSED_OVER), Math.ceil(known.length / 2));
  const all = correlationOf(whole) ?? 0;
  const worse = half.length === 0 ? all : half.reduce((sum, value) => sum + value, 0) / half.length;
  return { all, worse: Math.min(all, worse), common: whole[0]! / (a.side * a.side) };
}

/** Grey values that vary less than this are flat: only noise would be correlated. */
const LEAST_DEVIATION = 4;

function correlationOf(sum: Float64Array): number | undefined {
  const [n, p, q, pp, qq, pq] = sum as unknown as [number, number, number, number, number, number];
  const [varP, varQ] = [pp / n - (p / n) ** 2, qq / n - (q / n) ** 2];
  if (varP < LEAST_DEVIATION ** 2 || varQ < LEAST_DEVIATION ** 2) return undefined;
  return (pq / n - (p / n) * (q / n)) / Math.sqrt(varP * varQ);
}
