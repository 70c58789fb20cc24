// `guie evaluate --threshold`: the verdict of an index: from which score on a hit is the same object, and how sure.

import { terminalProgress } from "../../common/progress";
import { textTable } from "../../common/text_table";
import { scoreText } from "../../common/words";
import { dataFolder } from "../../config/paths";
import { sourcePath } from "../../datasets/own/read_own_images";
import { BACKBONE, findModel, openModel } from "../../embedding/find_model";
import { readImageList } from "../../features/image_list";
import { judgeHeldOut, judgePhotos, judgeRows, type MadeVerdict } from "../../finding/judge_index";
import { holdsHeldOut, isOfPhotos, openIndexSource } from "../../serving/index_source";
import { FALSE_ACCEPTS, UNKNOWN_SHARE } from "../../verdict/judge";
import type { VerdictReport } from "../../verdict/report";
import { percent } from "../../verdict/threshold";
import { verdictTable } from "../../verdict/verdict_table";
import type { CommandResult } from "../shared/command";
import { shareOf } from "../shared/numbers";
import { type SourceFlags, sourceSettings } from "../shared/source_flags";
import { type HeldOutOptions, heldOutConfig } from "./held_out";

/** Options of `guie evaluate --threshold`. */
export interface ThresholdOptions extends HeldOutOptions, SourceFlags {
  in?: string;
  rate?: string;
  unknown?: string;
}

/** Makes the verdict of each model for labelled photos, or for the held-out classes. */
export async function threshold(
  options: ThresholdOptions,
  models: readonly string[],
): Promise<CommandResult> {
  const rate = options.rate === undefined ? FALSE_ACCEPTS : shareOf("--rate", options.rate);
  const unknown = options.unknown === undefined ? UNKNOWN_SHARE : shareOf("--unknown", options.unknown);
  const verdicts: Record<string, MadeVerdict> = {};
  for (const name of models.length > 0 ? models : [BACKBONE])
    verdicts[name] = await verdictOf(name, options, { rate, unknown });
  const texts = Object.entries(verdicts).map(([name, verdict]) => verdictText(name, verdict, options.in));
  return { text: texts.join("\n\n"), summary: { verdicts } };
}

async function verdictOf(
  name: string,
  options: ThresholdOptions,
  { rate, unknown }: { rate: number; unknown: number },
): Promise<MadeVerdict> {
  const config = heldOutConfig(options);
  const onProgress = terminalProgress();
  const found = await findModel(name, config, { onProgress });
  const embedder = openModel(found);
  try {
    const judging = { rate, unknown, onProgress };
    if (options.in === undefined) return await judgeHeldOut(embedder, config.dataDir, judging);
    const source = sourcePath(options.in);
    if (holdsHeldOut(source)) return await judgeHeldOut(embedder, source, judging);
    if (!isOfPhotos(source)) {
      const { labels, ...index } = await openIndexSource({ run: name, index: source }, embedder, {
        onProgress,
      });
      return await judgeRows(embedder, { ...index, labels }, judging);
    }
    const list = await readImageList(source, dataFolder(embedder.config), sourceSettings(options));
    for (const sentence of list.said ?? []) process.stderr.write(`${sentence}\n`);
    const ranking = found.kind === "backbone" ? "whitened" : "own";
    return await judgePhotos(embedder, source, list, { ...judging, ranking });
  } finally {
    embedder.dispose();
  }
}

function verdictText(name: string, verdict: MadeVerdict, photos: string | undefined): string {
  const { report, index, space, accepted, byIndexImages, path, classNames } = verdict;
  const { rate, value, low, high, queries, classes } = report.threshold;
  const spaces = Object.entries(accepted).map(([space, share]) => `${space} ${scoreText(share)}`);
  const lines = [
    `${name}, ${index}: a hit is the same object from a cosine of ${value.toFixed(3)} on, for ${percent(rate)} false accepts`,
    `estimate ${report.threshold.estimate.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}] from ${queries} queries of ${classes} classes, each class taken out of the index in turn; its upper end is used`,
    ...(byIndexImages ? ["there are too few queries: the index's own images asked, too"] : []),
    `space: ${space} (accepted and right on every second class: ${spaces.join(", ")})`,
    measuresTable(report),
    curveTable(report),
    ...(report.datasets.length > 0 ? [datasetTable(report)] : []),
    reliabilityTable(report),
    ...oftenLines(report, classNames),
    `kept with the index: ${path}`,
    photos === undefined
      ? `Used by: npx guie serve --model ${name}`
      : `Used by: npx guie find QUERY --in ${photos} and npx guie serve ${photos}`,
  ];
  return lines.join("\n");
}

function measuresTable(report: VerdictReport): string {
  const rows = verdictTable({ report });
  const width = Math.max(...rows.map(({ measure }) => measure.length));
  return textTable(
    ["measure", "value"],
    rows.map(({ measure, value }) => [measure.padEnd(width), value]),
  );
}

/** False accepts of the rows of the curve. */
const CURVE = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2];

/** Returns the curve at round rates: the highest share that is accepted and right without more false accepts. */
function curveTable({ roc }: VerdictReport): string {
  const rows = CURVE.flatMap((most) => {
    const point = roc.filter(({ falseAccept }) => falseAccept <= most).at(-1);
    return point ? [[percent(most), scoreText(point.trueAccept), point.threshold.toFixed(3)]] : [];
  });
  return textTable(["false accepts", "accepted and right", "cosine"], rows);
}

function datasetTable({ datasets }: VerdictReport): string {
  const rows = datasets.map(({ dataset, queries, classes, trueAccept, falseAccept, auroc }) => [
    dataset,
    String(queries),
    String(classes),
    scoreText(trueAccept),
    scoreText(falseAccept),
    scoreText(auroc),
  ]);
  return textTable(["data set", "queries", "classes", "accepted", "false accepts", "AUROC"], rows);
}

function reliabilityTable({ calibration }: VerdictReport): string {
  const rows = calibration.reliability.map(({ said, seen }) => [percent(round(said)), percent(round(seen))]);
  return textTable(["probability said", "right"], rows);
}

function oftenLines({ often }: VerdictReport, names: ReadonlyMap<number, string>): string[] {
  if (often.length === 0) return [];
  const some = often.map(
    ({ label, falseAccept }) => `${names.get(label) ?? `class ${label}`} (${percent(round(falseAccept))})`,
  );
  return [`accepted most often without being in the index: ${some.join(", ")}`];
}

function round(share: number): number {
  return Math.round(100 * share) / 100;
}
