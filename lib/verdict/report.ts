// Everything that is known about a verdict: its threshold, its rates with intervals, its probability.
import { type BootstrapOptions, type Interval, intervalOf } from "../retrieval/bootstrap";
import { type CheckedCalibration, checkedCalibration } from "./calibration";
import { mostAccepted, type OftenAccepted, operatingPointInconsistency } from "./class_spread";
import type { Matches } from "./matches";
import {
  auroc,
  fnirAtFpir,
  fnmrAtFmr,
  knownScores,
  mp5WithRejection,
  precisionAtShare,
  type Rates,
  type RocPoint,
  ratesAt,
  rocCurve,
  type ScoreHistogram,
  scoreHistogram,
} from "./rates";
import { groupsOf, overResamples } from "./resamples";
import { type Impostors, type Threshold, thresholdFor } from "./threshold";

/** A share with its 95 % interval by a bootstrap over classes. */
export interface Measured extends Interval {
  mean: number;
}

/** Rates of the queries of one data set at the common threshold. */
export interface DatasetRates extends Rates {
  dataset: string;
  queries: number;
  classes: number;
  auroc: number;
}

/** What is known about a verdict. */
export interface VerdictReport {
  threshold: Threshold;
  /** Queries that the rates are of, and their classes. */
  queries: number;
  classes: number;
  falseAccept: Measured;
  trueAccept: Measured;
  wrongAccept: Measured;
  /** Area under the ROC of best scores with and without the query's class in the index. */
  auroc: Measured;
  /** Share of queries without anything in the index that the probability, mP@5 and precision are for. */
  unknown: number;
  /** Share of accepted answers that are right. */
  precision: number;
  /** Mean Precision@5 with rejection; undefined without a ranking. */
  mp5: number | undefined;
  /** Identification: miss rate where the promised share of impostor queries is accepted, by the plain quantile. */
  fnir: number;
  /** Verification of pairs: miss rate where the promised share of impostor pairs is accepted. */
  fnmr: number;
  /** Operating-point inconsistency over classes. */
  opis: number;
  /** The classes that are accepted most often without being in the index. */
  often: OftenAccepted[];
  calibration: CheckedCalibration;
  roc: RocPoint[];
  /** The distribution of best scores. */
  scores: ScoreHistogram;
  /** Per data set, if there are several. */
  datasets: DatasetRates[];
}

/** Options of a report. */
export interface ReportOptions extends BootstrapOptions {
  /** The promised rate of false accepts. */
  rate: number;
  /** Share of queries without anything in the index. */
  unknown: number;
  /** Queries for the threshold in place of those of `matches`. */
  impostors?: Impostors | undefined;
  /** Precision@5 of each query by the ranking, [Q]; NaN for a query without its class in the index. */
  precisions?: ArrayLike<number> | undefined;
}

const RESAMPLES = 200;
const MOST_CLASSES = 5;

/**
 * Computes the report of a verdict.
 * @throws UserError "too few classes", as `thresholdFor`
 * @example
 * const report = verdictReport(await matchQueries(labelled), { rate: 0.01, unknown: 0.5 });
 */
export function verdictReport(matches: Matches, options: ReportOptions): VerdictReport {
  const { rate, unknown, impostors, precisions, seed = 0, resamples } = options;
  const { labels, impostor: scores } = matches;
  const threshold = thresholdFor(impostors ?? { scores, labels }, rate, { seed, resamples });
  const rates = ratesAt(matches, threshold.value);
  const groups = groupsOf(labels);
  const known = knownScores(matches);
  const measured = (mean: number, statistic: (weights: Float64Array) => number): Measured => {
    const samples = overResamples(groups, resamples ?? RESAMPLES, seed, statistic);
    return { mean, ...intervalOf(samples.filter((value) => !Number.isNaN(value))) };
  };
  const rateOf = (name: keyof Rates) =>
    measured(rates[name], (weights) => ratesAt(matches, threshold.value, weights)[name]);
  return {
    threshold,
    queries: scores.length,
    classes: groups.count,
    falseAccept: rateOf("falseAccept"),
    trueAccept: rateOf("trueAccept"),
    wrongAccept: rateOf("wrongAccept"),
    auroc: measured(auroc(known, scores), (weights) => auroc(known, scores, weights)),
    unknown,
    precision: precisionAtShare(rates, unknown),
    mp5: precisions && mp5WithRejection(matches, precisions, threshold.value, unknown),
    fnir: fnirAtFpir(matches, rate),
    fnmr: fnmrAtFmr(matches, rate),
    opis: operatingPointInconsistency(matches, rate),
    often: mostAccepted(matches, threshold.value, MOST_CLASSES),
    calibration: checkedCalibration(matches, unknown),
    roc: rocCurve(matches),
    scores: scoreHistogram(matches),
    datasets: datasetRates(matches, threshold.value),
  };
}

/** Returns the rates of each data set, sorted by name; none if there are fewer than two. */
function datasetRates({ datasets = [], ...matches }: Matches, threshold: number): DatasetRates[] {
  const names = [...new Set(datasets)].sort();
  if (names.length < 2) return [];
  return names.map((dataset) => {
    const rows = Array.from(matches.mate.keys()).filter((query) => datasets[query] === dataset);
    const part: Matches = {
      ...matches,
      labels: rows.map((query) => matches.labels[query]!),
      mate: Float64Array.from(rows, (query) => matches.mate[query]!),
      impostor: Float64Array.from(rows, (query) => matches.impostor[query]!),
    };
    return {
      dataset,
      queries: rows.length,
      classes: groupsOf(part.labels).count,
      ...ratesAt(part, threshold),
      auroc: auroc(knownScores(part), part.impostor),
    };
  });
}
