// Looks of images (hash and mean colour): computed once, kept in a file, computed again for changed images.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readTableForm } from "../common/csv/table_text";
import { type Database, sqlText } from "../common/database/database";
import { requireFoldersOf } from "../common/files/file_faults";
import { writeTogether } from "../common/files/files";
import { contentOf, seeFile } from "../common/files/fingerprint";
import { type Part, takesPiece } from "../common/files/part";
import { checkInterrupt } from "../common/interrupt";
import { mapConcurrently } from "../common/parallel/concurrent";
import type { OnProgress } from "../common/progress";
import type { Texts } from "../common/texts";
import { readImageFile } from "../images/decode";
import { ImageError } from "../images/pixels/image_error";
import { LOOKS_TABLE } from "../tables/layout";
import { loadCsv } from "../tables/read_csv";
import { writeQuery } from "../tables/write_query";
import { type Look, lookOfImage } from "./perceptual_hash";

const ROWS_PER_INSERT = 1_000;

/** An image that cannot be read, and why. */
export interface UnreadableImage {
  image: string;
  reason: string;
}

/** Files of looks. */
export interface LookFiles {
  /** Files that are read if they are there; of two looks of an image, that of the last file counts. */
  read: readonly string[];
  /** The file that is written. */
  write: string;
}

/** Options of computing looks. */
export interface LookOptions {
  dataDir: string;
  /** Files of looks (`final_data_224_looks.csv`), absolute. */
  looks: LookFiles;
  /** Only the images of this part are hashed. */
  part?: Part | undefined;
  /** Paths below the data directory, by the `rowid` of the table `images` (image, ...). */
  files: Texts;
  /** Number of images decoded at once. */
  workers: number;
  onProgress: OnProgress | undefined;
}

/**
 * Makes `hashes` (place, content, hash, blueness, redness): the `rowid` in `images`, and the image's look. Does not
 * read images whose stamp is in a file of looks, nor decode those whose content is. Writes such a file, also after an
 * Interrupt, with all looks known so far.
 * @returns the unreadable images
 * @throws UserError if that file is damaged; UnreachableFile after a fault of the environment
 */
export async function makeHashes(database: Database, options: LookOptions): Promise<UnreadableImage[]> {
  const { read, write } = options.looks;
  await database.run(
    `CREATE TABLE hashes (place INTEGER, ${COLUMNS.map(([name, type]) => `${name} ${type}`)})`,
  );
  const missing = await noteFiles(database, options);
  await useKnown(database, read);
  try {
    return [...missing, ...(await hashRest(database, options))];
  } finally {
    await database.run("CREATE OR REPLACE TABLE hashes AS SELECT * FROM hashes ORDER BY place");
    const { known } = await database.row<{ known: number }>("SELECT count(*) AS known FROM hashes");
    if (known > 0) await writeTogether([write], ([temporary]) => writeQuery(database, KNOWN, temporary!));
  }
}

/** Columns of `hashes` and of the file, in addition to the stamp. */
const COLUMNS = [
  ["content", "VARCHAR"],
  ["hash", "UBIGINT"],
  ["blueness", "INTEGER"],
  ["redness", "INTEGER"],
] as const;
const NAMES = COLUMNS.map(([name]) => name);

const KNOWN = `SELECT image, stamp, ${NAMES}
  FROM hashes JOIN notes USING (place) JOIN images ON images.rowid = place ORDER BY place`;

/** Makes `notes` (place, stamp) from the file system's stamps of the images. @returns the missing images */
async function noteFiles(
  database: Database,
  { dataDir, files, part = { index: 1, count: 1 } }: LookOptions,
): Promise<UnreadableImage[]> {
  await database.run("CREATE TABLE notes (place INTEGER, stamp VARCHAR)");
  const missing: string[] = [];
  for (let first = 0; first < files.length; first += ROWS_PER_INSERT) {
    await checkInterrupt();
    const rows: string[] = [];
    for (let place = first; place < Math.min(files.length, first + ROWS_PER_INSERT); place++) {
      if (!takesPiece(part, place)) continue;
      const seen = await seeFile(join(dataDir, files.at(place)!));
      if (seen) rows.push(`(${place}, ${sqlText(seen.stamp)})`);
      else missing.push(files.at(place)!);
    }
    await insert(database, "notes", rows);
  }
  requireFoldersOf(missing.map((file) => join(dataDir, file)));
  return missing.map((image) => ({ image, reason: "missing file" }));
}

async function insert(database: Database, table: string, rows: readonly string[]): Promise<void> {
  if (rows.length > 0) await database.run(`INSERT INTO ${table} VALUES ${rows.join(", ")}`);
}

/** Makes `known` from the files, and fills `hashes` with the looks of images whose stamp is unchanged. */
async function useKnown(database: Database, paths: readonly string[]): Promise<void> {
  await database.run(`CREATE TABLE known (${LOOKS_TABLE.map(({ name }) => `${name} VARCHAR`)})`);
  for (const path of paths) {
    const next = `rm ${path}, and run it again: it is made anew.`;
    const isThere = existsSync(path) && !readTableForm(path, [], next).columns.includes(FORMER_COLUMN);
    if (!isThere) continue;
    await loadCsv(database, "newer", path, LOOKS_TABLE, next);
    await database.run("DELETE FROM known WHERE image IN (SELECT image FROM newer)");
    await database.run("INSERT INTO known BY NAME SELECT * FROM newer");
    await database.run("DROP TABLE newer");
  }
  await database.run(
    `INSERT INTO hashes
     SELECT place, ${NAMES.map((name) => `known.${name}`)} FROM notes
     JOIN images ON images.rowid = place JOIN known USING (image)
     WHERE notes.stamp = known.stamp AND notes.stamp <> ''`,
  );
}

/** A column of files by earlier versions, which had no hash of the content. */
const FORMER_COLUMN = "modified_us";

/** Fills `hashes` with the other images. @returns the unreadable images */
async function hashRest(
  database: Database,
  { dataDir, files, workers, onProgress }: LookOptions,
): Promise<UnreadableImage[]> {
  const rest: number[] = [];
  const query = "SELECT place FROM notes ANTI JOIN hashes USING (place) ORDER BY place";
  await database.eachRow(query, { numbers: ["place"] }, ({ numbers }) => rest.push(numbers[0]!));
  const known = files.length - rest.length;
  const note = known > 0 ? { note: `${known} were known` } : {};
  const unreadable: UnreadableImage[] = [];
  for (let first = 0; first < rest.length; first += ROWS_PER_INSERT) {
    const places = rest.slice(first, first + ROWS_PER_INSERT);
    const before = await looksBefore(database, places);
    const rows = await mapConcurrently(places, workers, async (place) => {
      const image = files.at(place)!;
      try {
        const bytes = await readImageFile(join(dataDir, image));
        const content = contentOf(bytes);
        const kept = before.get(place);
        const look = kept?.content === content ? kept : await lookOfImage(bytes);
        return [`(${place}, '${content}', ${look.hash}, ${look.blueness}, ${look.redness})`];
      } catch (error) {
        if (!(error instanceof ImageError)) throw error;
        unreadable.push({ image, reason: error.message });
        return [];
      }
    });
    await insert(database, "hashes", rows.flat());
    onProgress?.({ stage: "hash", done: first + places.length, total: rest.length, unit: "images", ...note });
  }
  return unreadable;
}

/** Returns the file's looks of images whose stamp has changed. */
async function looksBefore(
  database: Database,
  places: readonly number[],
): Promise<Map<number, Look & { content: string }>> {
  const rows = await database.rows<{ place: number; content: string; hash: string } & Omit<Look, "hash">>(
    `SELECT images.rowid::INTEGER AS place, content, hash::VARCHAR AS hash, blueness, redness
     FROM images JOIN known USING (image) WHERE images.rowid IN (${places.join(", ")})`,
  );
  return new Map(rows.map(({ place, hash, ...look }) => [place, { ...look, hash: BigInt(hash) }]));
}
