// A verdict of an index from its labels: the space that suits it, the threshold, and how good it is.
import type { OnProgress } from "../common/progress";
import { scoreQueries } from "../retrieval/metrics";
import { nearestNeighbours, positionsOf } from "../retrieval/neighbours";
import { type LabelledVectors, matchQueries } from "./matches";
import { type VerdictReport, verdictReport } from "./report";
import { chooseSpace, everySecondClass, inSpace, type VerdictSpace } from "./spaces";
import { type Impostors, leastImpostors, requireRate } from "./threshold";

/** A verdict of an index. */
export interface Verdict {
  space: VerdictSpace;
  /** Share of right and accepted queries in each space, on every second class, by which the space was chosen. */
  accepted: Partial<Record<VerdictSpace, number>>;
  /** True if the index's own images were queries for the threshold, since the given ones were too few. */
  byIndexImages: boolean;
  report: VerdictReport;
}

/** Options of a verdict. */
export interface JudgeOptions {
  /** The promised rate of false accepts. Default: 0.01. */
  rate?: number | undefined;
  /** Share of queries that have nothing in the index, for probability, precision and mP@5. Default: 0.5. */
  unknown?: number | undefined;
  /** The space whose ranking a search shows. Default: the model's own. */
  ranking?: "own" | "whitened" | undefined;
  seed?: number | undefined;
  onProgress?: OnProgress | undefined;
}

/** Number of first results in the competition's metric. */
const DEPTH = 5;
/** Default share of queries that have nothing in the index. */
export const UNKNOWN_SHARE = 0.5;
/** Default rate of false accepts. */
export const FALSE_ACCEPTS = 0.01;

/**
 * Makes the verdict of an index. Each class is taken out of the index in turn: its queries are then impostors. If there
 * are too few queries for the rate, the images of the index are impostors, too; these find images of their own kind more
 * easily, so the threshold is rather too high.
 * @throws UserError "too few classes", as `thresholdFor`
 * @example
 * const { report } = await judge({ queries, queryLabels, index, indexLabels }, { rate: 0.01 });
 */
export async function judge(given: LabelledVectors, options: JudgeOptions = {}): Promise<Verdict> {
  const { rate = FALSE_ACCEPTS, unknown = UNKNOWN_SHARE, ranking = "own", seed, onProgress } = options;
  requireRate(rate);
  const { space, accepted } = await chooseSpace(everySecondClass(given), rate);
  const judged = await inSpace(space, given);
  const matches = await matchQueries(judged, { onProgress });
  const isApart = Array.from(positionsOf(given.queries, given.own) ?? []).every((row) => row < 0);
  const byIndexImages = isApart && given.queries.count < leastImpostors(rate);
  const impostors = byIndexImages ? await withIndexImages(judged, matches.impostor) : undefined;
  const precisions = await precisionsAt5(await inSpace(ranking, given));
  return {
    space,
    accepted,
    byIndexImages,
    report: verdictReport(matches, { rate, unknown, impostors, precisions, seed }),
  };
}

async function withIndexImages(
  { queryLabels, index, indexLabels }: LabelledVectors,
  scores: Float64Array,
): Promise<Impostors> {
  const own = await matchQueries({
    queries: index,
    queryLabels: indexLabels,
    index,
    indexLabels,
    own: "same",
  });
  return {
    scores: [...scores, ...own.impostor],
    labels: [...Array.from(queryLabels), ...Array.from(indexLabels)],
  };
}

async function precisionsAt5(given: LabelledVectors): Promise<Float64Array> {
  const { queries, index, queryLabels, indexLabels } = given;
  const ownPositions = positionsOf(queries, given.own);
  const options = ownPositions ? { own: ownPositions } : {};
  const { positions } = await nearestNeighbours(queries, index, DEPTH, options);
  const measures = ["mp5"] as const;
  return scoreQueries(positions, queryLabels, indexLabels, {
    measures,
    ...(ownPositions ? { ownPositions } : {}),
  }).values.mp5;
}
