// The space in which a verdict measures nearness; it need not be the one that ranks. Shapes: N rows, F numbers per row.
import type { Vectors } from "../common/vectors";
import { pickRows } from "../common/vectors";
import { quantile } from "../retrieval/bootstrap";
import { positionsOf } from "../retrieval/neighbours";
import { fitPca, type Reduction, reduceRows } from "../retrieval/reduction";
import { fitWhitening } from "../retrieval/whitening";
import { type LabelledVectors, type Matches, matchQueries } from "./matches";
import { ratesAt } from "./rates";

/**
 * The spaces: the model's own; whitened by the index as for search; whitened to the 256 directions in which the index
 * varies most. All are fitted to the index without its labels, so a verdict need not keep them.
 */
export const VERDICT_SPACES = ["own", "whitened", "whitened 256"] as const;
/** The name of a space. */
export type VerdictSpace = (typeof VERDICT_SPACES)[number];

const SHORT = 256;
/** Rows per direction that a whitening without a floor needs; with fewer, it blows up noise. */
const ROWS_PER_DIRECTION = 2;

/** Returns the map into a space; undefined for the model's own, and for one that the index is too small for. */
export async function mapInto(space: VerdictSpace, index: Vectors): Promise<Reduction | undefined> {
  if (space === "whitened") return fitWhitening(index);
  if (space === "own" || index.count < ROWS_PER_DIRECTION * SHORT || index.length < SHORT) return undefined;
  return fitPca(index, SHORT, true);
}

/** Returns labelled vectors in a space. */
export async function inSpace(space: VerdictSpace, given: LabelledVectors): Promise<LabelledVectors> {
  const map = await mapInto(space, given.index);
  if (!map) return given;
  const index = reduceRows(given.index, map);
  return { ...given, index, queries: given.queries === given.index ? index : reduceRows(given.queries, map) };
}

/**
 * Chooses the space in which most queries are accepted and right at a rate of false accepts, by classes that are not
 * judged by it. Ties: the first one.
 * @returns the space, and the share of each that can be fitted
 */
export async function chooseSpace(
  given: LabelledVectors,
  rate: number,
): Promise<{ space: VerdictSpace; accepted: Partial<Record<VerdictSpace, number>> }> {
  const accepted: Partial<Record<VerdictSpace, number>> = {};
  for (const space of VERDICT_SPACES) {
    if (space !== "own" && !(await mapInto(space, given.index))) continue;
    accepted[space] = acceptedAt(await matchQueries(await inSpace(space, given)), rate);
  }
  const best = VERDICT_SPACES.reduce((best, space) =>
    (accepted[space] ?? -1) > (accepted[best] ?? -1) ? space : best,
  );
  return { space: best, accepted };
}

function acceptedAt(matches: Matches, rate: number): number {
  const sorted = Float64Array.from(matches.impostor).sort();
  return ratesAt(matches, quantile(sorted, 1 - rate)).trueAccept;
}

/** Returns the queries of every second class, with the whole index. */
export function everySecondClass(given: LabelledVectors): LabelledVectors {
  const { queries, queryLabels, queryDatasets, own } = given;
  const classes = [...new Set(Array.from(queryLabels))].sort((a, b) => a - b);
  const taken = new Set(classes.filter((_, place) => place % 2 === 0));
  const rows = Array.from({ length: queries.count }, (_, row) => row).filter((row) =>
    taken.has(queryLabels[row]!),
  );
  const positions = positionsOf(queries, own);
  return {
    ...given,
    queries: pickRows(queries, rows),
    queryLabels: rows.map((row) => queryLabels[row]!),
    queryDatasets: queryDatasets && rows.map((row) => queryDatasets[row]!),
    own: positions && rows.map((row) => positions[row]!),
  };
}
