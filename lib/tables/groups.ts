// Groups of images that share a fold (groups.csv): views of one object, photos of one series.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readCsv } from "../common/csv/csv";
import { pathFromSpreadsheet } from "../common/csv/spreadsheet";
import { type Database, sqlText } from "../common/database/database";
import type { DatasetName } from "../preprocessing/layout";
import { matchRows } from "./corrections";
import { GROUPS_CSV } from "./layout";

/** Groups of images in a merge. */
export interface ImageGroups {
  groups: number;
  /** Images of these groups. */
  images: number;
  /** Number of rows that match no image. */
  unmatched: number;
}

const ROWS_PER_INSERT = 1_000;
const NEXT = `The columns of ${GROUPS_CSV} are image_files,group; delete the file if it is of no use.`;

/**
 * Makes the table `groups` (new_image_files, leader) from `groups.csv` (image_files,group) of a data directory: the
 * leader is the first image of a group that `source_rows` (see `applyCorrections`) has. Images are named as in
 * exclude.csv.
 * @returns undefined if there is no such file
 * @throws UserError for a bad row, or an image that several data sets have
 */
export async function readGroups(
  database: Database,
  dataDir: string,
  datasets: readonly DatasetName[],
): Promise<ImageGroups | undefined> {
  await database.run("CREATE TABLE groups (new_image_files VARCHAR, leader VARCHAR)");
  const path = join(dataDir, GROUPS_CSV);
  if (!existsSync(path)) return undefined;
  const rows = (await readCsv(path, ["image_files", "group"], NEXT)).map((cells, at) => ({
    where: `${path}, row ${at + 1}`,
    image: pathFromSpreadsheet(cells.image_files!.trim()),
    group: cells.group!.trim(),
  }));
  const { found, unmatched } = await matchRows(database, datasets, rows);
  const leaders = new Map<string, string>();
  const images = new Map<string, string>();
  for (const { row, image } of found) {
    if (!leaders.has(row.group)) leaders.set(row.group, image);
    if (!images.has(image)) images.set(image, leaders.get(row.group)!);
  }
  const values = [...images].map((pair) => `(${pair.map(sqlText).join(", ")})`);
  for (let first = 0; first < values.length; first += ROWS_PER_INSERT)
    await database.run(
      `INSERT INTO groups VALUES ${values.slice(first, first + ROWS_PER_INSERT).join(", ")}`,
    );
  return { groups: leaders.size, images: images.size, unmatched: unmatched.length };
}

/** Returns the groups as a line for people. */
export function describeGroups({ groups, images, unmatched }: ImageGroups): string {
  const lost = unmatched === 0 ? "" : `; ${unmatched} rows match no image`;
  return `groups.csv keeps ${images} images of ${groups} groups in a fold each${lost}`;
}
