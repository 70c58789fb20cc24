// Jaccard distances of k-reciprocal neighbours, over the rows of an index and one query. Shapes: N index rows, E numbers
// per row.
import { rowOf, type Vectors } from "../../common/vectors";

/** The nearest other rows of a row, best first, and the cosine of the farthest. */
export interface RowNeighbours {
  positions: Int32Array;
  cosines: Float32Array;
  farthest: number;
}

/** The numbers of the method that define a space. */
export interface JaccardNumbers {
  k1: number;
  k2: number;
}

/** Share of a candidate's reciprocal neighbours that must be the row's, for all of them to be taken in. */
const OVERLAP = 2 / 3;

/** Encoding of a row: weights of its k-reciprocal neighbours, which sum to 1. */
type Encoding = ReadonlyMap<number, number>;

/**
 * The rows of an index and one query, which is row N. What is computed is kept for as long as the query is answered.
 * @see Zhong et al. 2017, sections 3.2 to 3.4; the names are those of its reference code
 */
export class JaccardSpace {
  private readonly query: number;
  private readonly lists = new Map<number, Int32Array>();
  private readonly reciprocals = new Map<string, Int32Array>();
  private readonly encodings = new Map<number, Encoding>();
  private readonly lengths = new Map<number, number>();
  private readonly ofQuery: Encoding;

  /** @param graph nearest other rows of every row, at least k1 each @param near those of the query among all rows */
  constructor(
    private readonly rows: Vectors,
    private readonly graph: readonly RowNeighbours[],
    private readonly queryRow: Float32Array,
    private readonly near: RowNeighbours,
    private readonly numbers: JaccardNumbers,
  ) {
    this.query = rows.count;
    this.ofQuery = this.averagedEncoding(this.query);
  }

  /** Returns the Jaccard distance between the query and a row, 0..1. */
  jaccard(row: number): number {
    const other = this.averagedEncoding(row);
    let shared = 0;
    for (const [member, weight] of this.ofQuery) shared += Math.min(weight, other.get(member) ?? 0);
    return 1 - shared / (2 - shared);
  }

  /** Returns the squared distance of unit vectors as a share of that of the farthest row. */
  distance(cosine: number, farthest: number): number {
    return farthest < 1 ? (1 - cosine) / (1 - farthest) : 0;
  }

  /** Returns the mean of the encodings of a row and of its nearest others, k2 in all. */
  private averagedEncoding(row: number): Encoding {
    const members = this.nearest(row).subarray(0, this.numbers.k2);
    const mean = new Map<number, number>();
    for (const member of members)
      for (const [key, weight] of this.encoding(member))
        mean.set(key, (mean.get(key) ?? 0) + weight / members.length);
    return mean;
  }

  private encoding(row: number): Encoding {
    const kept = this.encodings.get(row);
    if (kept) return kept;
    const members = this.expandedReciprocals(row);
    const farthest = this.farthestOf(row);
    const weights = members.map((member) => Math.exp(-this.distance(this.cosine(row, member), farthest)));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    const encoding = new Map(members.map((member, i) => [member, weights[i]! / sum]));
    this.encodings.set(row, encoding);
    return encoding;
  }

  /** Returns the k1-reciprocal neighbours and those of candidates among them that mostly agree. */
  private expandedReciprocals(row: number): number[] {
    const { k1 } = this.numbers;
    const own = new Set(this.reciprocal(row, k1));
    const all = new Set(own);
    for (const candidate of own) {
      const theirs = this.reciprocal(candidate, roundedHalf(k1));
      const shared = theirs.filter((member) => own.has(member)).length;
      if (shared > OVERLAP * theirs.length) for (const member of theirs) all.add(member);
    }
    return [...all];
  }

  /** Returns the rows among the k nearest of a row (and itself) that have it among their own k nearest. */
  private reciprocal(row: number, k: number): Int32Array {
    const key = `${row} ${k}`;
    const kept = this.reciprocals.get(key);
    if (kept) return kept;
    const isMutual = (member: number) =>
      this.nearest(member)
        .subarray(0, k + 1)
        .includes(row);
    const found = this.nearest(row)
      .subarray(0, k + 1)
      .filter(isMutual);
    this.reciprocals.set(key, found);
    return found;
  }

  /** Returns a row and its k1 nearest others, best first. */
  private nearest(row: number): Int32Array {
    const kept = this.lists.get(row);
    if (kept) return kept;
    const list = Int32Array.from([row, ...this.others(row)].slice(0, this.numbers.k1 + 1));
    this.lists.set(row, list);
    return list;
  }

  private others(row: number): ArrayLike<number> & Iterable<number> {
    if (row === this.query) return this.near.positions;
    const { positions, cosines } = this.graph[row]!;
    const cosine = this.cosine(row, this.query);
    const place = cosines.findIndex((other) => other < cosine);
    if (place < 0) return [...positions, this.query];
    return [...positions.subarray(0, place), this.query, ...positions.subarray(place)];
  }

  private farthestOf(row: number): number {
    if (row === this.query) return this.near.farthest;
    return Math.min(this.graph[row]!.farthest, this.cosine(row, this.query));
  }

  private vectorOf(row: number): Float32Array {
    return row === this.query ? this.queryRow : rowOf(this.rows, row);
  }

  private cosine(a: number, b: number): number {
    if (a === b) return 1;
    const product = dot(this.vectorOf(a), this.vectorOf(b));
    return product === 0 ? 0 : product / (this.lengthOf(a) * this.lengthOf(b));
  }

  private lengthOf(row: number): number {
    const kept = this.lengths.get(row);
    if (kept !== undefined) return kept;
    const vector = this.vectorOf(row);
    const length = Math.sqrt(dot(vector, vector));
    this.lengths.set(row, length);
    return length;
  }
}

/** Returns half of k, rounded as NumPy does: to the even number if it is half-way. */
function roundedHalf(k: number): number {
  const half = k / 2;
  return Number.isInteger(half) ? half : 2 * Math.round(half / 2);
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
