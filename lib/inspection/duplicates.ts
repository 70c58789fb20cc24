// Finds photos that are in the table more than once, by perceptual hash; reports them, never drops them.
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { byCodeUnit } from "../common/code_units";
import { type Database, sqlText, withDatabase } from "../common/database/database";
import { UserError } from "../common/errors";
import { asOwner } from "../common/files/claim";
import { makeFolder, removeAbandoned, writeTogether } from "../common/files/files";
import { keptFolder } from "../common/files/kept_folder";
import { itemsOfPart, type Part } from "../common/files/part";
import { asShare, dropShares, shareFile, shareFiles, untilSharesEnded } from "../common/files/shares";
import { withSignal } from "../common/interrupt";
import type { ProgressOptions, TaskOptions } from "../common/progress";
import { projectPath } from "../common/project";
import { TextColumn } from "../common/texts";
import { recordOf } from "../common/typed_keys";
import { DUPLICATES_CSV, FOLDS_CSV, FOLDS_TABLE, LOOKS_CSV } from "../tables/layout";
import { loadCsv } from "../tables/read_csv";
import { writeQuery } from "../tables/write_query";
import { makeHashes, type UnreadableImage } from "./image_looks";
import { findPairs } from "./near_hashes";

/** The fault of two rows with one photo. */
export type DuplicateFinding =
  | "two labels, train and validation"
  | "two labels"
  | "train and validation"
  | "same class";

/** Two images that look alike. */
export interface DuplicatePair {
  finding: DuplicateFinding;
  /** Bits in which their hashes differ: 0 .. `maxDistance`. */
  distance: number;
  imageA: string;
  imageB: string;
  labelA: number;
  labelB: number;
  datasetA: string;
  datasetB: string;
  foldA: number;
  foldB: number;
}

/** Options of a search for duplicates. */
export interface DuplicateOptions extends TaskOptions {
  dataDir: string;
  /** The validation fold. Default 1. */
  fold?: number;
  /** The most of 64 bits in which hashes of one photo differ. Default 4; more finds more and errs more. */
  maxDistance?: number;
  /** Number of images decoded at once. */
  workers?: number;
}

/** The result of a search for duplicates. */
export interface DuplicateReport {
  /** Number of distinct images that were compared. */
  images: number;
  /** Images that could not be read, with the reason; they are not compared. */
  unreadable: UnreadableImage[];
  counts: Record<DuplicateFinding, number>;
  /** The gravest pairs, at most 1,000; the file at `path` holds all. */
  pairs: DuplicatePair[];
  path: string;
}

const MOST_PAIRS = 1_000;
const LARGEST_DISTANCE = 8;
const NEXT = "npx guie merge";
/** The work, for messages. */
const SEARCH = "The search for duplicates";
const LOOKS_ENDING = ".csv";

/**
 * Hashes every distinct image of `final_data_224_sample_balance_fold.csv` and writes the pairs that look alike to
 * `final_data_224_duplicates.csv`, the gravest first. Each image with an equal hash is paired with the first one only;
 * one pair represents two groups of equal hashes that are near each other. Look at the pairs before you act: photos of
 * one series, or of two packages of one brand, are as near. A second search decodes changed images only.
 * @throws UserError for a missing or bad table, no readable image, or another process that searches there
 * @example
 * const report = await findDuplicates({ dataDir: "data/demo", fold: 1 });
 */
export async function findDuplicates(options: DuplicateOptions): Promise<DuplicateReport> {
  const { fold = 1, maxDistance = 4, workers = 2 * availableParallelism(), onProgress } = options;
  if (!Number.isInteger(maxDistance) || maxDistance < 0 || maxDistance > LARGEST_DISTANCE) {
    throw new UserError(
      `The distance must be a whole number from 0 to ${LARGEST_DISTANCE} bits, it is ${maxDistance}.`,
      "4 finds re-encoded and resized copies.",
    );
  }
  const dataDir = projectPath(options.dataDir);
  const path = join(keptFolder(dataDir), DUPLICATES_CSV);
  return withSignal(options.signal, () =>
    asOwner(path, SEARCH, async () => {
      await untilSharesEnded(path, SEARCH);
      return searchOwned(path, { dataDir, fold, maxDistance, workers, onProgress });
    }),
  );
}

/** Numbers of one part of the images. */
export interface DuplicatesShare {
  /** Images of this part. */
  images: number;
  /** Images of all parts. */
  total: number;
  /** Images of this part that could not be read. */
  unreadable: number;
}

/**
 * Hashes one part of the images, next to other processes that hash the others; `findDuplicates` then reads their hashes.
 * @throws UserError as `findDuplicates`
 */
export async function hashShare({
  part,
  signal,
  ...options
}: Omit<DuplicateOptions, "maxDistance"> & { part: Part }): Promise<DuplicatesShare> {
  const { fold = 1, workers = 2 * availableParallelism(), onProgress } = options;
  const dataDir = projectPath(options.dataDir);
  const path = join(keptFolder(dataDir), DUPLICATES_CSV);
  const own = shareFile(path, part, LOOKS_ENDING);
  const work = () =>
    withDatabase(async (database) => {
      const files = await loadImages(database, dataDir, fold);
      const looks = { read: [...knownLooks(dataDir), ...sharedLooks(path)], write: own };
      makeFolder(dirname(own));
      const unreadable = await makeHashes(database, { dataDir, files, looks, part, workers, onProgress });
      const mine = itemsOfPart(files, part);
      return { images: mine.length, total: files.length, unreadable: unreadable.length };
    });
  return withSignal(signal, () => asShare(path, part, SEARCH, work));
}

/** Lists the files of looks of earlier searches: if data are read-only, those that a person made there, then ours. */
function knownLooks(dataDir: string): string[] {
  const kept = join(keptFolder(dataDir), LOOKS_CSV);
  return [existsSync(kept) ? kept : join(dataDir, LOOKS_CSV)];
}

function sharedLooks(path: string): string[] {
  const { old, recent } = shareFiles(path, LOOKS_ENDING);
  return [...old, ...recent];
}

type OwnedSearch = Required<Omit<DuplicateOptions, keyof TaskOptions>> & ProgressOptions;

async function searchOwned(
  path: string,
  { dataDir, fold, maxDistance, workers, onProgress }: OwnedSearch,
): Promise<DuplicateReport> {
  const kept = join(keptFolder(dataDir), LOOKS_CSV);
  for (const table of [path, kept]) removeAbandoned(table, { ofThisMachine: true });
  return writeTogether([path], ([temporary]) =>
    withDatabase(async (database) => {
      const files = await loadImages(database, dataDir, fold);
      const looks = { read: [...knownLooks(dataDir), ...sharedLooks(path)], write: kept };
      const unreadable = await makeHashes(database, { dataDir, files, looks, workers, onProgress });
      dropShares(path); // their looks are in the file of all
      if (unreadable.length === files.length) {
        const { image, reason } = unreadable[0]!;
        throw new UserError(`None of ${files.length} images can be read; ${image}: ${reason}.`, NEXT);
      }
      await findPairs(database, maxDistance);
      await describePairs(database, fold);
      await writeQuery(database, "SELECT * FROM duplicates", temporary!);
      return {
        images: files.length - unreadable.length,
        unreadable: unreadable.sort((a, b) => byCodeUnit(a.image, b.image)),
        counts: await countFindings(database),
        pairs: await readPairs(database),
        path,
      };
    }),
  );
}

/** Makes `images` (image, label, dataset, fold): each image once, preferably with its validation row. */
async function loadImages(database: Database, dataDir: string, fold: number): Promise<TextColumn> {
  await loadCsv(database, "folded", join(dataDir, FOLDS_CSV), FOLDS_TABLE, NEXT, { as: "VIEW" });
  await database.run(
    `CREATE TABLE images AS
     SELECT new_image_files AS image, any_value(new_labels) AS label, any_value(dataset) AS dataset,
       any_value(fold ORDER BY fold <> ${fold}, fold) AS fold
     FROM folded GROUP BY new_image_files ORDER BY image`,
  );
  const { images } = await database.row<{ images: number }>("SELECT count(*) AS images FROM images");
  const files = new TextColumn(images);
  await database.eachRow("SELECT image FROM images ORDER BY rowid", { texts: ["image"] }, (row) =>
    files.push(row.text(0)),
  );
  return files;
}

const FINDINGS: readonly DuplicateFinding[] = [
  "two labels, train and validation",
  "two labels",
  "train and validation",
  "same class",
];

/** Makes `duplicates`, with the columns of the file, from `pairs`. */
async function describePairs(database: Database, fold: number): Promise<void> {
  const [both, labels, sides, same] = FINDINGS.map(sqlText);
  await database.run(
    `CREATE TABLE duplicates AS
     SELECT CASE WHEN x.label <> y.label AND x.side <> y.side THEN ${both} WHEN x.label <> y.label THEN ${labels}
         WHEN x.side <> y.side THEN ${sides} ELSE ${same} END AS finding,
       distance, x.image AS image_a, y.image AS image_b, x.label AS label_a, y.label AS label_b,
       x.dataset AS dataset_a, y.dataset AS dataset_b, x.fold AS fold_a, y.fold AS fold_b
     FROM pairs
     JOIN (SELECT *, rowid AS place, fold = ${fold} AS side FROM images) x ON x.place = a
     JOIN (SELECT *, rowid AS place, fold = ${fold} AS side FROM images) y ON y.place = b
     ORDER BY list_position([${[both, labels, sides, same].join(", ")}], finding), distance, image_a, image_b`,
  );
}

async function countFindings(database: Database): Promise<Record<DuplicateFinding, number>> {
  const rows = await database.rows<{ finding: DuplicateFinding; pairs: number }>(
    "SELECT finding, count(*) AS pairs FROM duplicates GROUP BY finding",
  );
  const found = new Map(rows.map(({ finding, pairs }) => [finding, pairs]));
  return recordOf(FINDINGS, (finding) => found.get(finding) ?? 0);
}

async function readPairs(database: Database): Promise<DuplicatePair[]> {
  return database.rows<DuplicatePair>(
    `SELECT finding, distance, image_a AS imageA, image_b AS imageB, label_a AS labelA, label_b AS labelB,
       dataset_a AS datasetA, dataset_b AS datasetB, fold_a AS foldA, fold_b AS foldB
     FROM duplicates LIMIT ${MOST_PAIRS}`,
  );
}
