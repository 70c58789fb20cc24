// query_scores.csv: the score of each query at a run's last evaluation, so that runs are compared without embedding again.
// Shapes: Q queries.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type CsvRow, readCsv, wholeNumberCell, writeCsv } from "../common/csv/csv";
import { UserError } from "../common/errors";
import { WEIGHT_KINDS, type WeightKind } from "../model/weight_names";
import type { HeldOutScores } from "./metrics";

/** Scores of each query, [Q]; NaN for queries without an expected image. */
export type ScoresByQuery = Record<keyof HeldOutScores, ArrayLike<number>>;

/** The queries of an evaluation and their scores. */
export interface KeptQueryScores {
  /** Image files, [Q]. */
  files: readonly string[];
  /** Classes, [Q]. */
  labels: ArrayLike<number>;
  /** Scores by the raw weights, and by the averages that the run has. */
  byKind: ReadonlyMap<WeightKind, ScoresByQuery>;
}

const FILE = "query_scores.csv";
const MEASURES = ["mp5", "r1"] as const;
const NEXT = "Delete the file: the run is then compared by its means alone.";

/**
 * Writes the scores of each query into a run's folder, in place of those of the evaluation before: columns
 * `image_files,labels,mp5,r1`, and `mp5_ema,r1_ema` or `mp5_swa,r1_swa` for averages. A query without an expected image
 * has empty cells.
 */
export async function writeQueryScores(
  folder: string,
  { files, labels, byKind }: KeptQueryScores,
): Promise<void> {
  const columns = [...byKind].flatMap(([kind, scores]) =>
    MEASURES.map((measure) => [columnOf(measure, kind), scores[measure]] as const),
  );
  const cell = (value: number) => (Number.isNaN(value) ? "" : value);
  await writeCsv(
    join(folder, FILE),
    ["image_files", "labels", ...columns.map(([name]) => name)],
    files.map((file, query) => [file, labels[query]!, ...columns.map(([, values]) => cell(values[query]!))]),
  );
}

/**
 * Reads the scores of each query of a run's last evaluation; undefined for a run without held-out classes, or older than
 * the file.
 * @throws UserError if the file is damaged
 */
export async function readQueryScores(folder: string): Promise<KeptQueryScores | undefined> {
  const path = join(folder, FILE);
  if (!existsSync(path)) return undefined;
  const rows = await readCsv(path, ["image_files", "labels"]);
  const kinds = WEIGHT_KINDS.filter((kind) => rows[0] && columnOf("mp5", kind) in rows[0]);
  const valuesOf = (column: string) =>
    Float64Array.from(rows, (row, index) => scoreOf(row, column, `${path}, row ${index + 1}`));
  return {
    files: rows.map((row) => row.image_files!),
    labels: Int32Array.from(rows, (row, index) =>
      wholeNumberCell(row.labels!, `${path}, row ${index + 1}: "labels"`, NEXT),
    ),
    byKind: new Map(
      kinds.map((kind) => [
        kind,
        { mp5: valuesOf(columnOf("mp5", kind)), r1: valuesOf(columnOf("r1", kind)) },
      ]),
    ),
  };
}

function columnOf(measure: keyof HeldOutScores, kind: WeightKind): string {
  return kind === "raw" ? measure : `${measure}_${kind}`;
}

function scoreOf(row: CsvRow, column: string, where: string): number {
  const text = row[column] ?? "";
  if (text === "") return Number.NaN;
  const value = Number(text);
  if (value >= 0 && value <= 1) return value;
  throw new UserError(`Expected a score from 0 to 1 in ${where}: "${column}", got "${text}".`, NEXT);
}
