// Get_Data for a person's own photos: they become a data set of a data directory.
import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../common/errors";
import { asOwner } from "../common/files/claim";
import type { LeftOut } from "../common/files/image_folder";
import { projectPath } from "../common/project";
import { DATA_SETS } from "./catalogue";
import { type GetDataOptions, type GetDataResult, readDataSet } from "./get_data";
import { forgetFault, GET_DATA } from "./over_data_sets";
import type { OwnSource } from "./own/own_images";
import { readOwnImages, sourcePath } from "./own/read_own_images";
import {
  checkOwnName,
  nextNumber,
  type OwnSetRow,
  ownDataSet,
  ownSetsFile,
  readingOf,
  readOwnRows,
  writeOwnRow,
} from "./own_sets";
import { linkOwn } from "./raw_link";
import type { Reading } from "./readers/reader";

/** Photos that were recognised, and the row that they would have in data_sets.json. */
export interface RecognisedPhotos {
  row: OwnSetRow;
  reading: Reading;
  /** Sentences that say what was recognised; the first sums up. */
  said: readonly string[];
}

/** Options of reading own photos. */
export interface GetPhotosOptions extends GetDataOptions {
  /** Receives the sentences that say what was recognised, and the files left out, before anything is written. */
  onRecognised?: (said: readonly string[], leftOut: readonly LeftOut[]) => void;
}

const SPLITS_KEPT = (name: string) =>
  `the splits are kept in csv/${name}_splits.csv; Data_Merge draws its own folds of all images`;

/**
 * Recognises a person's photos as a data set of a data directory, and writes nothing.
 * @param name name of the data set: `csv/<name>.csv`
 * @param source a folder or table, and how to read it
 * @throws UserError for photos without classes, for a bad name, and for one that other photos have
 * @example
 * const { said } = await recognisePhotos("data/shop", "shop", { source: "~/photos" });
 */
export async function recognisePhotos(
  dataDir: string,
  name: string,
  source: OwnSource,
): Promise<RecognisedPhotos> {
  checkOwnName(
    name,
    DATA_SETS.flatMap((set) => [set.name, set.folder]),
  );
  const { labels: _, ...own } = source;
  const rows = readOwnRows(dataDir);
  const before = rows.find((row) => row.name === name);
  const path = sourcePath(source.source);
  refuseTaken(dataDir, name, path, before);
  const reading = readingOf(await readOwnImages({ ...own, source: path, labels: true }));
  const hasSplits = reading.images.some(({ split = "" }) => split !== "");
  const said = [...(reading.said ?? []), ...(hasSplits ? [SPLITS_KEPT(name)] : [])];
  const root = own.root === undefined ? {} : { root: sourcePath(own.root) };
  const row = { number: before?.number ?? nextNumber(rows), name, ...own, source: path, ...root };
  return { row, reading: { ...reading, said }, said };
}

/** Refuses a name that other photos have, or whose table somebody wrote. */
function refuseTaken(dataDir: string, name: string, path: string, before: OwnSetRow | undefined): void {
  const other = "Choose another name";
  if (before && realOf(sourcePath(before.source)) !== realOf(path))
    throw new UserError(
      `${name} is the name of other photos in ${ownSetsFile(dataDir)}: ${before.source}.`,
      `${other}, or change its "source" there if the photos were moved.`,
    );
  const table = projectPath(dataDir, "csv", `${name}.csv`);
  if (!before && existsSync(table))
    throw new UserError(
      `${table} is there already, and was not made from these photos: it stays.`,
      `${other}, or move that table away.`,
    );
}

const realOf = (path: string) => (existsSync(path) ? realpathSync(path) : path);

/**
 * Reads a person's photos as a data set of a data directory: writes their row into `data_sets.json`, links `raw/<name>`
 * to them, and writes `csv/<name>.csv` and its companions as `getData` does. Every later step finds the data set by its
 * name. Reads the same photos again if they are there already. Nothing in the photos' folder is changed.
 * @throws UserError as `recognisePhotos`; nothing is written then
 * @example
 * const { rows, classes } = await getPhotos("data/shop", "shop", { source: "~/photos" });
 */
export async function getPhotos(
  dataDir: string,
  name: string,
  source: OwnSource,
  { onRecognised, ...options }: GetPhotosOptions = {},
): Promise<GetDataResult> {
  const { row, reading, said } = await recognisePhotos(dataDir, name, source);
  onRecognised?.(said, reading.leftOut);
  const home = projectPath(dataDir);
  await asOwner(join(home, "data_sets.json"), "Get_Data", async () => {
    const rows = readOwnRows(home);
    refuseTaken(
      home,
      name,
      row.source,
      rows.find((other) => other.name === name),
    );
    const isNew = !rows.some((other) => other.name === name);
    if (isNew) row.number = nextNumber(rows);
    await linkOwn(home, ownDataSet(row), row);
    writeOwnRow(home, row);
  });
  const set = ownDataSet(row, reading);
  const result = await readDataSet(home, set, options);
  forgetFault(home, GET_DATA, set);
  return result;
}
