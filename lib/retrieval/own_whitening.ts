// Rows whitened by their own statistics, for a search among a person's own photos. Shapes: N rows, F numbers per row.
import { checkInterrupt } from "../common/interrupt";
import { setRows, sliceRows, type Vectors, zeroVectors } from "../common/vectors";
import { type Reduction, reduceRows } from "./reduction";
import { fitWhitening } from "./whitening";

/** Rows to search, and the map that queries need. */
export interface OwnWhitening {
  /** The whitened rows [N, d]; the rows as they were if there are too few. */
  vectors: Vectors;
  /** The map for queries; undefined if the rows were left as they were. */
  whitening: Reduction | undefined;
}

/** Rows that are mapped between two turns of the event loop. */
const ROWS_PER_TURN = 512;

/**
 * Whitens rows by themselves. Queries take no part in the fit: map them by `reduceRows(queries, whitening)`. Too few
 * rows, and rows that do not vary, are left as they are.
 * @throws UserError if a number is not finite
 * @example
 * const { vectors, whitening } = await whitenByThemselves(features);
 */
export async function whitenByThemselves(rows: Vectors): Promise<OwnWhitening> {
  const whitening = await fitWhitening(rows);
  if (!whitening) return { vectors: rows, whitening };
  const vectors = zeroVectors(rows.count, whitening.to);
  for (let start = 0; start < rows.count; start += ROWS_PER_TURN) {
    setRows(vectors, start, reduceRows(sliceRows(rows, start, start + ROWS_PER_TURN), whitening).data);
    await checkInterrupt();
  }
  return { vectors, whitening };
}
