// How images look: computed once, kept in a file, computed again for those that were changed since.
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { mapConcurrently } from "../common/concurrent";
import { writeTogether } from "../common/files";
import { breathe } from "../common/interrupt";
import type { OnProgress } from "../common/progress";
import type { Texts } from "../common/texts";
import { ImageError } from "../pixels/image_error";
import type { Database } from "./database";
import { LOOKS_CSV, LOOKS_TABLE } from "./layout";
import { lookOfImage } from "./perceptual_hash";
import { loadCsv } from "./read_csv";
import { writeCsv } from "./write_csv";

const ROWS_PER_INSERT = 1_000;

/** An image that cannot be read, and why. */
export interface UnreadableImage {
  image: string;
  reason: string;
}

/** What to look at, and how. */
export interface LookOptions {
  dataDir: string;
  /** Paths below the data directory, by the `rowid` of the table `images` (image, ...). */
  files: Texts;
  /** Images decoded at once. */
  workers: number;
  onProgress: OnProgress | undefined;
}

/**
 * Makes `hashes` (place, hash, blueness, redness): the `rowid` of `images`, and how it looks. Images that have the size
 * and time of modification that `final_data_224_looks.csv` knows are not read again; the file is written anew, also
 * after an Interrupt, with what was found until then.
 * @returns what could not be read
 * @throws UserError where that file is not as it was written
 */
export async function makeHashes(database: Database, options: LookOptions): Promise<UnreadableImage[]> {
  const path = join(options.dataDir, LOOKS_CSV);
  await database.run("CREATE TABLE hashes (place INTEGER, hash UBIGINT, blueness INTEGER, redness INTEGER)");
  await noteFiles(database, options);
  if (existsSync(path)) await takeKnown(database, path);
  try {
    return await lookAtRest(database, options);
  } finally {
    await database.run("CREATE OR REPLACE TABLE hashes AS SELECT * FROM hashes ORDER BY place");
    const { known } = await database.row<{ known: number }>("SELECT count(*) AS known FROM hashes");
    if (known > 0) await writeTogether([path], ([temporary]) => writeCsv(database, KNOWN, temporary!));
  }
}

const KNOWN = `SELECT image, bytes, modified_us, hash, blueness, redness
  FROM hashes JOIN notes USING (place) JOIN images ON images.rowid = place ORDER BY place`;

/** Makes `notes` (place, bytes, modified_us): what the file system says of each image; nothing of one that is missing. */
async function noteFiles(database: Database, { dataDir, files }: LookOptions): Promise<void> {
  await database.run("CREATE TABLE notes (place INTEGER, bytes BIGINT, modified_us BIGINT)");
  for (let first = 0; first < files.length; first += ROWS_PER_INSERT) {
    await breathe();
    const rows = Array.from({ length: Math.min(ROWS_PER_INSERT, files.length - first) }, (_, i) => {
      const place = first + i;
      const found = statSync(join(dataDir, files.at(place)!), { throwIfNoEntry: false });
      return `(${place}, ${found ? `${found.size}, ${Math.round(1000 * found.mtimeMs)}` : "NULL, NULL"})`;
    });
    await database.run(`INSERT INTO notes VALUES ${rows.join(", ")}`);
  }
}

/** Fills `hashes` with what the file knows of images that are as they were. */
async function takeKnown(database: Database, path: string): Promise<void> {
  await loadCsv(database, "known", path, LOOKS_TABLE, `rm ${path}, and run it again: it is made anew.`);
  await database.run(
    `INSERT INTO hashes
     SELECT place, known.hash, known.blueness, known.redness FROM notes
     JOIN images ON images.rowid = place JOIN known USING (image)
     WHERE notes.bytes = known.bytes AND notes.modified_us = known.modified_us`,
  );
}

/** Fills `hashes` with the other images. @returns what could not be read */
async function lookAtRest(
  database: Database,
  { dataDir, files, workers, onProgress }: LookOptions,
): Promise<UnreadableImage[]> {
  const rest: number[] = [];
  const query = "SELECT place FROM notes ANTI JOIN hashes USING (place) ORDER BY place";
  await database.eachChunk(query, (chunk) => {
    for (const place of chunk.getColumnValues(0)) rest.push(place as number);
  });
  const known = files.length - rest.length;
  const note = known > 0 ? { note: `${known} were known` } : {};
  const unreadable: UnreadableImage[] = [];
  for (let first = 0; first < rest.length; first += ROWS_PER_INSERT) {
    const places = rest.slice(first, first + ROWS_PER_INSERT);
    const rows = await mapConcurrently(places, workers, async (place) => {
      const image = files.at(place)!;
      try {
        const { hash, blueness, redness } = await lookOfImage(join(dataDir, image));
        return [`(${place}, ${hash}, ${blueness}, ${redness})`];
      } catch (error) {
        const cause = (error as Error).cause;
        if (!(cause instanceof ImageError)) throw error;
        unreadable.push({ image, reason: cause.message });
        return [];
      }
    });
    if (rows.flat().length > 0) await database.run(`INSERT INTO hashes VALUES ${rows.flat().join(", ")}`);
    onProgress?.({ stage: "hash", done: first + places.length, total: rest.length, unit: "images", ...note });
  }
  return unreadable;
}
