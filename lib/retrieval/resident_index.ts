// An exact index that stays in the engine's memory, for a service: each search is one run of one graph.
// Shapes: Q queries, N index rows, E numbers per row, k neighbours.
import { UserError } from "../common/errors";
import { listRows, rowOf, rowsIn, type Vectors } from "../common/vectors";
import { intsOf } from "../engine/native/dtypes";
import { tf } from "../engine/native/tf";
import { withFreeBatch } from "../engine/program/free_batch";
import { Program } from "../engine/program/program";
import { rawOp } from "../engine/tracing/raw_op";
import { emptyLists, insertRow, sortLists } from "./best_rows";
import { EXACT_SCORES, type ExactRows, scoreRows, squaredLength } from "./nearness";
import type { Neighbours } from "./neighbours";
import { type Rows, readRows } from "./row_source";

/** An index that serves many searches: a resident one or an approximate one. */
export interface SearchIndex {
  readonly count: number;
  readonly length: number;
  /** Returns the k nearest rows of each query by cosine, best first; k <= `count`. */
  search(queries: Vectors, k: number): Promise<Neighbours>;
}

/** Maximum number of neighbours per query. */
export const MOST_NEIGHBOURS = 101;

/**
 * Puts rows into the engine's memory. Neighbours equal those of `nearestNeighbours`: the engine finds the nearest 101
 * by float32 products, and float64 products decide their order. A search holds N x Q scores in memory.
 * @throws UserError for values that are not finite
 */
export async function residentIndex(rows: Rows): Promise<SearchIndex & { dispose(): void }> {
  const { data, count, length } = await readRows(rows);
  if (count === 0) throw new UserError("The index has no rows.", "Embed some images first.");
  const program = new Program();
  program.variable("rows", { shape: [count, length] });
  const [bias, squares] = [new Float32Array(count), new Float64Array(count)];
  await program.fill("rows", (memory) => {
    const into = { data: memory as Float32Array, bias, squares };
    scoreRows("cosine", data, new Float32Array(length), into, (row) => `Row ${row} of the index`);
  });
  const depth = Math.min(MOST_NEIGHBOURS, count);
  const nearest = withFreeBatch("nearest", (batch) =>
    program.function(
      `nearest${batch}`,
      ({ queries }, variables) => {
        const products = tf.matMul(queries as tf.Tensor2D, variables.read("rows"), false, true);
        return { positions: rawOp("TopKV2", [products, tf.scalar(depth, "int32")], { sorted: true })[1]! };
      },
      { queries: { shape: [batch, length] } },
    ),
  );
  const search: SearchIndex["search"] = async (queries, k) => {
    if (queries.length !== length)
      throw new UserError(`Queries have ${queries.length} numbers per row, the index has ${length}.`);
    if (k > MOST_NEIGHBOURS)
      throw new UserError(`A query gets at most ${MOST_NEIGHBOURS} neighbours, not ${k}.`);
    const fed = { dtype: "float32" as const, shape: [queries.count, length], data: queries.data };
    const found = intsOf((await nearest.run({ queries: fed })).positions);
    return ordered(queries, { data, squares }, rowsIn(found, queries.count), Math.min(k, count));
  };
  return { count, length, search, dispose: () => program.dispose() };
}

/** Returns the rows that the engine found, ordered by float64 scores. @param found positions, [Q, depth] */
function ordered(queries: Vectors, rows: ExactRows, found: Vectors<Int32Array>, k: number): Neighbours {
  const { data, count, length } = queries;
  const lists = emptyLists(count, k);
  const squares = Float64Array.from(listRows(queries), (row) => squaredLength(row, 0, length));
  for (let query = 0; query < count; query++) {
    for (const position of rowOf(found, query)) {
      const score = EXACT_SCORES.cosine({ data, squares }, query, rows, position, length);
      insertRow(lists, query, score, position);
    }
  }
  sortLists(lists);
  return {
    positions: listRows(rowsIn(lists.positions, count)),
    cosines: listRows(rowsIn(lists.scores, count)).map((row) => Float32Array.from(row)),
  };
}
