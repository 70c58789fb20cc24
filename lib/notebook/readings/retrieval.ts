// Readings of searches: models compared, neighbours, mistakes, verdicts.

import { join } from "node:path";
import { counted, percent, scoreText } from "../../common/words";
import type { Finding } from "../../finding/find_photos";
import type { Images } from "../../photos/images";
import type { DatasetConfusion } from "../../retrieval/confusion";
import { ALL_DATASETS, type ComparisonRow } from "../../retrieval/evaluation";
import type { Neighbours } from "../../retrieval/neighbours";
import type { RetrievalFiles } from "../../training/data/run_data";
import type { Verdict } from "../../verdict/judge";
import type { Drawing } from "../output/drawing";
import { gains, largest, reading, sum } from "./reading";

/**
 * Reads a comparison of models: the best, and what the last one gains over its predecessor.
 * @param rows of `compareOnHeldOut`; those about all queries are read
 * @example
 * await show(comparisonReading(await compareOnHeldOut(config, models)));
 */
export function comparisonReading(rows: readonly ComparisonRow[]): Drawing {
  const overall = rows.filter(({ dataset }) => dataset === ALL_DATASETS);
  const last = overall.at(-1);
  if (!last) return reading("No model was compared.");
  const best = largest(overall, ({ scores }) => scores.mp5.mean)!;
  const { mean, low, high } = best.scores.mp5;
  return reading(
    `Best is ${best.model}: mP@5 ${scoreText(mean)}, and in 95 % of the draws of classes ${scoreText(low)} to ${scoreText(high)}.`,
    gainSentence(last),
    "A bad sign is a trained model below the backbone: it has unlearned what it had. Then lower `initLr` or `backboneLrFactor`, or train less.",
  );
}

function gainSentence({ model, against, scores }: ComparisonRow): string {
  const gain = scores.mp5.difference;
  if (!gain || against === undefined) return `${model} is compared with no other model.`;
  const isSure = gain.low > 0 || gain.high < 0;
  const judgement = isSure
    ? "the interval of the difference excludes zero"
    : "the interval of the difference holds zero: so few classes do not decide it";
  return `${model} ${gains(gain.mean)} against ${against}; ${judgement}.`;
}

/**
 * Reads one model's scores data set by data set: the worst one, and whether other data sets are in its way.
 * @param rows of `compareOnHeldOut` about one model
 * @example
 * await show(datasetsReading(compared.filter((row) => row.model === "demo_fine_tune")));
 */
export function datasetsReading(rows: readonly ComparisonRow[]): Drawing {
  const single = rows.filter(({ dataset }) => dataset !== ALL_DATASETS);
  const merged = single.filter(({ index }) => index === "merged");
  const worst = largest(merged, ({ scores }) => -scores.mp5.mean);
  if (!worst) return reading("There is one data set: the table above says all.");
  const own = single.find(({ dataset, index }) => dataset === worst.dataset && index === "own");
  const alone = own
    ? ` Among its own images alone it would be ${scoreText(own.scores.mp5.mean)}: what lies between is lost to images of other data sets.`
    : "";
  return reading(
    `The hardest data set is ${worst.dataset}: mP@5 ${scoreText(worst.scores.mp5.mean)} of ${counted(worst.queries, "query", "queries")} of ${counted(worst.classes, "class", "classes")}.${alone}`,
    "A bad sign is a data set far below the others: look at its images, then give it more classes or photos. With few classes its interval is wide: do not rank data sets by it.",
  );
}

/**
 * Reads which data sets are confused.
 * @param rows of `datasetConfusion`
 * @example
 * await show(confusionReading(datasetConfusion(neighbours.positions, labels)));
 */
export function confusionReading(rows: readonly DatasetConfusion[]): Drawing {
  const wrong = sum(rows.map((row) => row.wrong));
  if (wrong === 0) return reading("Every nearest neighbour is right.");
  const within = sum(rows.map((row) => row.wrong * (row.shares[row.dataset] ?? 0)));
  const queries = sum(rows.map((row) => row.queries));
  return reading(
    `${wrong} of ${queries} queries have a wrong nearest neighbour; of these, ${percent(within / wrong)} come from the query's own data set, on the diagonal.`,
    "Bad signs are dark cells beside the diagonal: two data sets hold the same things under different names. Search within one data set then, or merge their classes.",
  );
}

/**
 * Reads neighbours: how often the nearest image is right, and for how many queries none of them is.
 * @example
 * await show(nearestReading(files, neighbours));
 */
export function nearestReading(
  files: Pick<RetrievalFiles, "queries" | "index">,
  { positions }: Pick<Neighbours, "positions">,
): Drawing {
  const isRight = positions.map((found, query) =>
    Array.from(found, (position) => files.index.labels[position] === files.queries.labels[query]),
  );
  const first = isRight.filter(([right]) => right).length;
  const none = isRight.filter((found) => !found.includes(true)).length;
  const count = positions.length;
  return reading(
    `Of all ${counted(count, "query", "queries")}, ${first} (${percent(first / count)}) have a right nearest image, and ${none} have no right one among ${positions[0]?.length ?? 0}.`,
    "Bad signs are wrong images before right ones of the same look: more classes of that kind in training teach the difference. A wrong label shows here, too: correct it in `relabel.csv`.",
  );
}

/**
 * Reads what a search in a person's photos has found: whether the nearest photo is of the query's class.
 * @param queries the images that were searched with; without their classes only the cosines are read
 * @example
 * await show(foundReading(await search(queries, { model, index }), queries));
 */
export function foundReading(
  { results, photos }: Pick<Finding, "results" | "photos">,
  queries?: Pick<Images, "folder" | "files" | "classes">,
): Drawing {
  const classes = new Map(
    queries?.classes?.map((name, row) => [join(queries.folder, queries.files[row]!), name]),
  );
  const known = results.filter(({ path, hits }) => classes.has(path) && hits[0]?.class);
  const right = known.filter(({ path, hits }) => hits[0]!.class === classes.get(path)).length;
  const nearest = largest(
    results.flatMap(({ hits }) => hits.slice(0, 1)),
    (hit) => hit.score,
  );
  return reading(
    known.length > 0
      ? `For ${right} of ${counted(known.length, "query", "queries")} the nearest of ${counted(photos.searched, "photo")} has the query's class.`
      : `${counted(photos.searched, "photo")} were searched.`,
    nearest
      ? `The numbers are cosines, here up to ${nearest.score.toFixed(2)}: compare them within a row.`
      : "",
    "Bad signs are rows in which nothing is alike: the query is of another kind than the photos, or the model needs training.",
  );
}

/**
 * Reads the cosines of some images: the two most alike, and how much is alike at all.
 * @param cosines [N][N], as `cosineMatrix` returns them
 * @param names what to call the images
 * @example
 * await show(cosineReading(cosineMatrix(features), ["a dog", "a cat"]));
 */
export function cosineReading(
  cosines: readonly (readonly number[])[],
  names: readonly string[] = [],
): Drawing {
  const pairs = cosines.flatMap((row, a) =>
    row.slice(0, a).map((cosine, b) => ({ names: [names[b] ?? b, names[a] ?? a], cosine })),
  );
  const most = largest(pairs, ({ cosine }) => cosine);
  if (!most) return reading("One image has no pair.");
  const mean = sum(pairs.map(({ cosine }) => cosine)) / pairs.length;
  return reading(
    `Most alike are ${most.names.join(" and ")}: cosine ${most.cosine.toFixed(2)}; the mean of all pairs is ${mean.toFixed(2)}.`,
    "A bad sign is a matrix without contrast, all pairs near 1: the weights do not fit the tower, or the images are all the same. Then check `model` and `from`.",
  );
}

/**
 * Reads a verdict: the score from which on an image is the same object, and what it costs.
 * @example
 * await show(verdictReading(await judge({ ...labels, queries, index })));
 */
export function verdictReading({ report }: Pick<Verdict, "report">): Drawing {
  const { threshold, trueAccept, falseAccept, often } = report;
  const rate = `${Number((100 * threshold.rate).toFixed(1))} %`;
  const most = often[0];
  return reading(
    `From a cosine of ${scoreText(threshold.value)} on, an image counts as the same object: ${percent(trueAccept.mean)} of the queries with their class in the index are accepted and right, and ${(100 * falseAccept.mean).toFixed(1)} % of those without it are accepted, ${rate} promised.`,
    most && most.falseAccept > 0
      ? `One class is accepted without being there for ${percent(most.falseAccept)} of its ${counted(most.queries, "query", "queries")}.`
      : "",
    "Bad signs are two curves that lie on one another: the scores do not separate known from unknown. Then train longer, or promise a higher `rate`.",
  );
}

/**
 * Reads whether the probability of a verdict is true.
 * @example
 * await show(calibrationReading(await judge({ ...labels, queries, index })));
 */
export function calibrationReading({ report }: Pick<Verdict, "report">): Drawing {
  return reading(
    `Said and seen probability differ by ${scoreText(report.calibration.error)} on average, on classes that the curve has not seen; the area under the left curve is ${scoreText(report.auroc.mean)}.`,
    "Bad signs are points far off the diagonal: the probability is then a mere order. More queries, of more classes, make it a probability.",
  );
}
