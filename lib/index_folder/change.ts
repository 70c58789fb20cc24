// One change of an index: under a claim, new files first, then features.json, then the end of what it no longer names.
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeCsv } from "../common/csv/csv";
import { asOwner } from "../common/files/claim";
import { removeTemporaries, writeJson } from "../common/files/files";
import {
  FEATURE_FILES,
  type FeatureSummary,
  type Features,
  openFeatures,
  readSummary,
} from "../features/feature_files";
import { digestOf } from "../features/feature_sources";
import { type CheckedFile, REMOVED_COLUMN, readRemoved } from "../features/removed_rows";
import { type FeatureRows, writeRowsCsv } from "../features/rows_csv";
import { sumFile } from "../formats/bytes";

/** An index while this process changes it. */
export interface OpenChange {
  /** The index before the change. */
  features: Features;
  summary: FeatureSummary;
  /** The tables that name all rows. */
  tables: readonly CheckedFile[];
  /** The removed rows, ascending, counted over all shards. */
  removed: Int32Array;
  /** The number of the next new file of each kind. */
  next: number;
}

/** The state after a change. */
export interface NewState extends Pick<FeatureSummary, "shards" | "dtype"> {
  tables: readonly CheckedFile[];
  removed: CheckedFile | undefined;
  next: number;
  noClass?: number | undefined;
}

/**
 * Changes an index. Nothing is visible before `work` returns; an error or a kill leaves the state before.
 * @param work writes new files and returns the new state; undefined: nothing is to be changed
 * @param finish tidies up once the new state is in place, before another process may change it
 * @throws UserError if another process changes the index, or there is none
 */
export async function changeIndex(
  folder: string,
  work: (change: OpenChange) => Promise<NewState | undefined>,
  finish?: (features: Features) => Promise<void>,
): Promise<Features> {
  const { folder: path } = openFeatures(folder); // before the claim, which would make the folder's parents
  return asOwner(path, "A change of the index", async () => {
    const features = openFeatures(path);
    const summary = readSummary(path)!;
    removeTemporaries(path);
    const { shards, rowsCrc32 } = summary;
    const count = shards.reduce((sum, shard) => sum + shard.count, 0);
    const own = join(path, FEATURE_FILES.rows);
    const tables = summary.tables ?? [
      { file: FEATURE_FILES.rows, count, crc32: rowsCrc32 ?? sumFile(own).crc32 },
    ];
    const next = summary.next ?? 1 + Math.max(-1, ...shards.map(({ file }) => numberIn(file)));
    const removed = readRemoved(path, summary.removed);
    const state = await work({ features, summary, tables, removed, next });
    if (state) writeJson(join(path, FEATURE_FILES.summary), summaryOf(summary, state));
    dropUnnamed(path, readSummary(path)!);
    const changed = openFeatures(path);
    await finish?.(changed);
    return changed;
  });
}

function numberIn(file: string): number {
  return Number(/\d+/.exec(file)?.[0] ?? 0);
}

function summaryOf({ rowsCrc32, ...before }: FeatureSummary, state: NewState): FeatureSummary {
  const { shards, tables, removed } = state;
  const rows = shards.reduce((sum, shard) => sum + shard.count, 0);
  // Files are named by numbers that are never used again: equal names are equal contents.
  const identity = digestOf([before.identity, JSON.stringify({ shards, tables, removed })]);
  const { content } = before;
  return {
    ...before,
    ...state,
    tables: [...tables],
    count: rows - (removed?.count ?? 0),
    identity,
    rowsIdentity: identity,
    ...(content === undefined ? {} : { content: digestOf([content, identity]) }),
  };
}

/** Deletes the files of earlier states, and of changes that were killed. */
function dropUnnamed(folder: string, { shards, tables, removed }: FeatureSummary): void {
  const own = tables ? [] : [{ file: FEATURE_FILES.rows }];
  const named = new Set(
    [...shards, ...(tables ?? own), ...(removed ? [removed] : [])].map(({ file }) => file),
  );
  for (const name of readdirSync(folder))
    if (/^(features_\d+\.safetensors|rows(_\d+)?\.csv|removed_\d+\.csv)$/.test(name) && !named.has(name))
      rmSync(join(folder, name), { force: true });
}

/** Writes a table of rows under a new name. @param isLeftOut tells which rows are not written */
export async function writeTable(
  folder: string,
  number: number,
  rows: FeatureRows,
  isLeftOut?: (file: string, row: number) => boolean,
): Promise<CheckedFile> {
  const file = FEATURE_FILES.table(number);
  const count = await writeRowsCsv(join(folder, file), rows, isLeftOut);
  return { file, count, crc32: sumFile(join(folder, file)).crc32 };
}

/** Writes the numbers of all removed rows under a new name; undefined if there are none. @param rows ascending */
export async function writeRemoved(
  folder: string,
  number: number,
  rows: Int32Array,
): Promise<CheckedFile | undefined> {
  if (rows.length === 0) return undefined;
  const file = FEATURE_FILES.removed(number);
  await writeCsv(
    join(folder, file),
    [REMOVED_COLUMN],
    Array.from(rows, (row) => [row]),
  );
  return { file, count: rows.length, crc32: sumFile(join(folder, file)).crc32 };
}

/** Returns the numbers over all shards of rows by their positions among those that were not removed; with the removed ones, ascending. */
export function withRemoved(
  { features, removed }: Pick<OpenChange, "features" | "removed">,
  positions: Iterable<number>,
): Int32Array {
  const gone = new Set(removed);
  const all = features.count + removed.length;
  const live = Int32Array.from({ length: all }, (_, row) => row).filter((row) => !gone.has(row));
  for (const position of positions) gone.add(live[position]!);
  return Int32Array.from(gone).sort();
}
