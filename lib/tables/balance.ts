// Class balance after every step of the pipeline, as plain rows for a table or a histogram.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Database, sqlText, withDatabase } from "../common/database/database";
import { UserError } from "../common/errors";
import { projectPath } from "../common/project";
import { type DatasetName, preprocessedCsv, sourceCsv } from "../preprocessing/layout";
import { BALANCED_CSV, IMAGE_TABLE, MERGED_CSV, MERGED_TABLE, SAMPLED_CSV } from "./layout";
import { loadCsv } from "./read_csv";

/** A step of the pipeline, named by its result. */
export type BalanceStage = "raw" | "preprocessed" | "merged" | "sampled" | "balanced";

/** The class sizes of one data set (or of "all") after one step. */
export interface ClassBalance {
  stage: BalanceStage;
  dataset: string;
  classes: number;
  /** Rows of the table: after balancing, an image may have several. */
  images: number;
  /** Rows of the smallest, the median and the largest class. */
  min: number;
  median: number;
  max: number;
  /** Share of the classes with fewer than 20 rows, 0..1. */
  shareUnder20: number;
  /** Gini coefficient of the class sizes: 0 if all are equal, near 1 if one class has nearly all rows. */
  gini: number;
}

/** A table per data set or one table of all, and the step that makes it. */
type StageSource = { next: string } & ({ perDataset: (dataset: DatasetName) => string } | { file: string });

const STAGES: Record<BalanceStage, StageSource> = {
  raw: { perDataset: sourceCsv, next: "npx guie get-data" },
  preprocessed: { perDataset: preprocessedCsv, next: "npx guie preprocess" },
  merged: { file: MERGED_CSV, next: "npx guie merge" },
  sampled: { file: SAMPLED_CSV, next: "npx guie merge" },
  balanced: { file: BALANCED_CSV, next: "npx guie merge" },
};

/** The stages of the pipeline, in their order. */
export const BALANCE_STAGES = Object.keys(STAGES) as BalanceStage[];

/** Returns the stages whose tables exist for all of the data sets. */
export function balanceStages(dataDir: string, datasets: readonly DatasetName[]): BalanceStage[] {
  const folder = projectPath(dataDir);
  return BALANCE_STAGES.filter((stage) => {
    const source = STAGES[stage];
    const files = "file" in source ? [source.file] : datasets.map(source.perDataset);
    return files.every((file) => existsSync(join(folder, file)));
  });
}

/**
 * Computes the class balance per stage and data set, and over all data sets together.
 * @throws UserError if a stage's table is missing, naming the step that makes it
 * @example
 * const balance = await classBalance("data/demo", preprocessedDataSets("data/demo"));
 */
export async function classBalance(
  dataDir: string,
  datasets: readonly DatasetName[],
  stages: readonly BalanceStage[] = BALANCE_STAGES,
): Promise<ClassBalance[]> {
  const folder = projectPath(dataDir);
  return withDatabase(async (database) => {
    await database.run("CREATE TABLE sizes (stage VARCHAR, dataset VARCHAR, label BIGINT, images INTEGER)");
    for (const stage of stages) await appendSizes(database, folder, datasets, stage);
    const order = ["all", ...datasets.map(({ name }) => name)];
    const rows = await database.rows<ClassBalance>(
      `WITH doubled AS (
         FROM sizes UNION ALL SELECT stage, 'all', NULL, images FROM sizes
       ), ranked AS (
         SELECT *, row_number() OVER (PARTITION BY stage, dataset ORDER BY images) AS place,
           count(*) OVER (PARTITION BY stage, dataset) AS n FROM doubled
       )
       SELECT stage, dataset, count(*) AS classes, sum(images)::BIGINT AS images, min(images) AS min,
         median(images) AS median, max(images) AS max, avg((images < 20)::INTEGER) AS shareUnder20,
         (sum((2 * place - n - 1) * images) / (any_value(n) * sum(images)))::DOUBLE AS gini
       FROM ranked GROUP BY stage, dataset`,
    );
    const place = (row: ClassBalance) =>
      stages.indexOf(row.stage) * order.length + order.indexOf(row.dataset);
    return rows.sort((a, b) => place(a) - place(b));
  });
}

async function appendSizes(
  database: Database,
  dataDir: string,
  datasets: readonly DatasetName[],
  stage: BalanceStage,
): Promise<void> {
  const source = STAGES[stage];
  const count = (label: string, dataset: string, where = "true") =>
    `INSERT INTO sizes SELECT ${sqlText(stage)}, ${dataset}, ${label}, count(*) FROM stage_rows WHERE ${where} GROUP BY ALL`;
  if ("file" in source) {
    await loadCsv(database, "stage_rows", join(dataDir, source.file), MERGED_TABLE, source.next, {
      as: "VIEW",
    });
    const names = datasets.map(({ name }) => sqlText(name)).join(", ");
    await database.run(count("new_labels", "dataset", `dataset IN (${names})`));
    return;
  }
  for (const dataset of datasets) {
    await loadCsv(
      database,
      "stage_rows",
      join(dataDir, source.perDataset(dataset)),
      IMAGE_TABLE,
      source.next,
      { as: "VIEW" },
    );
    await database.run(count("labels", sqlText(dataset.name)));
  }
}

/** One data set (or "all") before and after some steps. */
export interface BalanceChange {
  dataset: string;
  classesBefore: number;
  classesAfter: number;
  imagesBefore: number;
  imagesAfter: number;
  /** Rows of the smallest and the largest class, "3 - 518". */
  perClassBefore: string;
  perClassAfter: string;
  under20Before: string;
  under20After: string;
}

/**
 * Puts two stages of `classBalance()` side by side, a row for each data set: the effect of the steps between them.
 * @example
 * compareBalance(balance, "preprocessed", "balanced")
 */
export function compareBalance(
  balance: readonly ClassBalance[],
  before: BalanceStage,
  after: BalanceStage,
): BalanceChange[] {
  const find = (stage: BalanceStage, dataset: string) =>
    balance.find((row) => row.stage === stage && row.dataset === dataset);
  const range = ({ min, max }: ClassBalance) => (min === max ? String(min) : `${min} - ${max}`);
  const percent = ({ shareUnder20 }: ClassBalance) => `${Math.round(100 * shareUnder20)} %`;
  return [...new Set(balance.map(({ dataset }) => dataset))].map((dataset) => {
    const [first, second] = [find(before, dataset), find(after, dataset)];
    if (!first || !second) {
      throw new UserError(
        `The balance of "${dataset}" lacks the stage "${first ? after : before}".`,
        "Ask classBalance() for both stages.",
      );
    }
    return {
      dataset,
      classesBefore: first.classes,
      classesAfter: second.classes,
      imagesBefore: first.images,
      imagesAfter: second.images,
      perClassBefore: range(first),
      perClassAfter: range(second),
      under20Before: percent(first),
      under20After: percent(second),
    };
  });
}
