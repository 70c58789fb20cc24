// A small index: codes of all rows in memory, and the rows themselves for a short list of each query.
// Shapes: Q queries, N index rows, E numbers per row, B bytes per code, S rows of a short list.
import { UserError } from "../../common/errors";
import { checkInterrupt } from "../../common/interrupt";
import { randomStream } from "../../common/random";
import { joinRows, rowOf, sliceRows, type Vectors } from "../../common/vectors";
import { type BestRows, emptyLists, insertRow, lastScore, sortLists } from "../best_rows";
import { EXACT_SCORES, scoreRows, squaredLength } from "../nearness";
import type { Neighbours } from "../neighbours";
import type { SearchIndex } from "../resident_index";
import { type Rows, rowSource } from "../row_source";
import { type CodeBits, codeBytes, encodeRows, fitLevels, type Levels, productTable } from "./levels";

/** Codes of all rows. */
export interface Codes {
  levels: Levels;
  /** [N, B]. */
  codes: Uint8Array;
}

/** Reads one row of an index, [E], from memory or disk. */
export type ReadRow = (position: number) => Float32Array;

/** Options of a coded index. */
export interface CodedOptions {
  /** S: rows that are scored by their own numbers; default: 30 k + 200. */
  shortlist?: number;
}

/** Rows of the sample that levels are fitted to, and rows read at a time. */
const [SAMPLE_ROWS, BLOCK_ROWS] = [20_000, 4096];
/** Codes scanned between two turns of the event loop, bytes. */
const BYTES_PER_TURN = 64_000_000;

/**
 * Codes rows: fits the levels to a sample of them, drawn by a fixed seed, then codes all, block by block.
 * @throws UserError for values that are not finite
 * @example
 * const codes = await codeRows(openFeatures("features/photos"), 2);
 */
export async function codeRows(rows: Rows, bits: CodeBits): Promise<Codes> {
  const source = rowSource(rows);
  const { count, length } = source;
  const unit = async (start: number, end: number) => unitRows(await source.block(start, end), length, start);
  const blocks = Math.ceil(count / BLOCK_ROWS);
  const sampled = randomStream(1, "blocks that levels are fitted to")
    .shuffle(Array.from({ length: blocks }, (_, block) => block))
    .slice(0, Math.ceil(SAMPLE_ROWS / BLOCK_ROWS));
  const parts: Vectors[] = [];
  for (const block of sampled) {
    const start = block * BLOCK_ROWS;
    parts.push(await unit(start, Math.min(start + BLOCK_ROWS, count)));
  }
  const levels = fitLevels(joinRows(parts, length), bits);
  const codes = new Uint8Array(count * codeBytes(levels));
  for (let start = 0; start < count; start += BLOCK_ROWS) {
    await checkInterrupt();
    const part = await unit(start, Math.min(start + BLOCK_ROWS, count));
    encodeRows(part, levels, codes, start * codeBytes(levels));
  }
  return { levels, codes };
}

function unitRows(rows: Float32Array, length: number, first: number): Vectors {
  const count = rows.length / length;
  const into = {
    data: new Float32Array(rows.length),
    bias: new Float32Array(count),
    squares: new Float64Array(count),
  };
  scoreRows("cosine", rows, new Float32Array(length), into, (row) => `Row ${first + row} of the index`);
  return { data: into.data, count, length };
}

/**
 * Returns an index that scans the codes of all rows, then orders the nearest S by their own numbers.
 * @param readRow reads a row of the index
 * @throws UserError in a search, for queries of another length
 * @example
 * const index = codedIndex(await codeRows(rows, 2), (row) => rowOf(rows, row));
 */
export function codedIndex(
  { levels, codes }: Codes,
  readRow: ReadRow,
  { shortlist }: CodedOptions = {},
): SearchIndex {
  const { length } = levels;
  const count = codes.length / codeBytes(levels);
  const search: SearchIndex["search"] = async (queries, k) => {
    if (queries.length !== length)
      throw new UserError(`Queries have ${queries.length} numbers per row, the index has ${length}.`);
    const depth = Math.min(count, k);
    const found: Neighbours = { positions: [], cosines: [] };
    for (let query = 0; query < queries.count; query++) {
      const one = sliceRows(queries, query, query + 1);
      const near = await scan(
        rowOf(one, 0),
        { levels, codes },
        Math.min(count, Math.max(k, shortlist ?? 30 * k + 200)),
      );
      const best = rescored(one, near, readRow, depth);
      found.positions.push(best.positions);
      found.cosines.push(Float32Array.from(best.scores));
    }
    return found;
  };
  return { count, length, search };
}

/** Returns the positions of the S rows whose codes have the greatest products with a query. */
async function scan(query: Float32Array, { levels, codes }: Codes, shortlist: number): Promise<Int32Array> {
  const table = productTable(query, levels);
  const bytes = codeBytes(levels);
  const best = emptyLists(1, shortlist);
  const rowsPerTurn = Math.max(1, Math.floor(BYTES_PER_TURN / bytes));
  for (let start = 0; start < codes.length; start += rowsPerTurn * bytes) {
    if (start > 0) await checkInterrupt();
    scanPart(table, codes.subarray(start, start + rowsPerTurn * bytes), bytes, start / bytes, best);
  }
  return best.positions;
}

function scanPart(
  table: Float32Array,
  codes: Uint8Array,
  bytes: number,
  first: number,
  best: BestRows,
): void {
  let least = lastScore(best, 0);
  for (let start = 0, row = first; start < codes.length; start += bytes, row++) {
    let sum = 0;
    for (let byte = 0; byte < bytes; byte++) sum += table[(byte << 8) | codes[start + byte]!]!;
    if (sum > least) {
      insertRow(best, 0, sum, row);
      least = lastScore(best, 0);
    }
  }
}

/** Scores rows by their own numbers, exactly. */
function rescored(query: Vectors, positions: Int32Array, readRow: ReadRow, k: number): BestRows {
  const best = emptyLists(1, k);
  const { length } = query;
  const asked = { data: query.data, squares: Float64Array.of(squaredLength(query.data, 0, length)) };
  for (const position of positions) {
    const data = readRow(position);
    const row = { data, squares: Float64Array.of(squaredLength(data, 0, length)) };
    insertRow(best, 0, EXACT_SCORES.cosine(asked, 0, row, 0, length), position);
  }
  sortLists(best);
  return best;
}
