// Classes that no training sees: taken out of the merged table, and written as queries and index for retrieval.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { UserError } from "../common/errors";
import { readJson } from "../common/files";
import { type Database, randomOrder } from "./database";
import { RETRIEVAL_FILES } from "./layout";
import { writeCsv } from "./write_csv";

/** How classes were held out: `retrieval/held_out.json`. */
export interface HeldOut {
  /** Of each data set's classes, 0..1. */
  share: number;
  seed: number;
  classes: number;
  queries: number;
  index: number;
}

const COUNT = z.number().int().nonnegative();
const HELD_OUT = z.object({
  share: z.number().min(0).max(1),
  ...{ seed: z.number(), classes: COUNT, queries: COUNT, index: COUNT },
}) satisfies z.ZodType<HeldOut>;

/** Of a held-out class, one image in so many asks (at least one); the others are searched. */
const IMAGES_PER_QUERY = 5;

/**
 * Takes a share of each data set's classes out of `merged` and `classes` (see `mergeDatasets`), whose other classes
 * are numbered anew, and makes the table `retrieval` (image_files, labels, asks). Classes of one image stay.
 * @param share 0..1
 * @throws UserError where the share holds out no class, or all
 */
export async function holdOutClasses(
  database: Database,
  { share, seed }: { share: number; seed: number },
): Promise<HeldOut> {
  await database.run(
    `CREATE TABLE held AS
     WITH sizes AS (SELECT new_labels, count(*) AS size FROM merged GROUP BY ALL),
     drawn AS (
       SELECT new_labels, dataset, size,
         row_number() OVER (PARTITION BY dataset ORDER BY size < 2, ${randomOrder(seed, "held out", "new_labels")}) AS place,
         count(*) OVER (PARTITION BY dataset) AS of
       FROM classes JOIN sizes USING (new_labels)
     )
     SELECT new_labels, size, (row_number() OVER (ORDER BY new_labels) - 1)::INTEGER AS label
     FROM drawn WHERE place <= round(${share} * of) AND size > 1`,
  );
  await database.run(
    `CREATE TABLE retrieval AS
     SELECT new_image_files AS image_files, label AS labels, row_number() OVER (
         PARTITION BY new_labels ORDER BY ${randomOrder(seed, "query", "new_image_files")}
       ) <= greatest(1, size // ${IMAGES_PER_QUERY}) AS asks
     FROM merged JOIN held USING (new_labels) ORDER BY labels, image_files`,
  );
  await database.run(
    `CREATE TABLE numbers AS
     SELECT new_labels, (row_number() OVER (ORDER BY new_labels) - 1)::INTEGER AS number
     FROM classes ANTI JOIN held USING (new_labels)`,
  );
  await renumber(database, "classes", "new_labels");
  await renumber(database, "merged", "rowid");
  const counts = await database.row<Pick<HeldOut, "classes" | "queries" | "index"> & { left: number }>(
    `SELECT (SELECT count(*) FROM held) AS classes, (SELECT count(*) FROM numbers) AS left,
       count(*) FILTER (asks) AS queries, count(*) FILTER (NOT asks) AS index FROM retrieval`,
  );
  const { left, ...rest } = counts;
  if (rest.classes > 0 && left > 1) return { share, seed, ...rest };
  throw new UserError(
    `A share of ${share} holds out ${rest.classes} classes and leaves ${left} to train on.`,
    "Choose another share, for example --hold-out 0.2.",
  );
}

async function renumber(database: Database, table: string, order: string): Promise<void> {
  await database.run(
    `CREATE TABLE renumbered AS
     SELECT ${table}.* REPLACE (number AS new_labels) FROM ${table} JOIN numbers USING (new_labels)
     ORDER BY ${table}.${order}`,
  );
  await database.run(`DROP TABLE ${table}`);
  await database.run(`ALTER TABLE renumbered RENAME TO ${table}`);
}

/** Writes queries and index of `holdOutClasses`. */
export async function writeRetrieval(
  database: Database,
  queriesCsv: string,
  indexCsv: string,
): Promise<void> {
  const columns = "SELECT image_files, labels FROM retrieval";
  await writeCsv(database, `${columns} WHERE asks ORDER BY labels, image_files`, queriesCsv);
  await writeCsv(database, `${columns} WHERE NOT asks ORDER BY labels, image_files`, indexCsv);
}

/**
 * @param share what this merge holds out, or undefined
 * @throws UserError where the retrieval set is not of a merge, or where classes that an earlier merge held out would
 * be trained on now
 */
export function checkHeldOut(dataDir: string, share: number | undefined): void {
  const note = join(dataDir, RETRIEVAL_FILES.heldOut);
  const isOurs = existsSync(note);
  if (share !== undefined && existsSync(join(dataDir, RETRIEVAL_FILES.queries)) && !isOurs) {
    throw new UserError(
      `${join(dataDir, "retrieval")} holds a retrieval set that Data_Merge did not make: it stays.`,
      "Merge without --hold-out, or move that folder away.",
    );
  }
  if (share === undefined && isOurs) {
    const before = readJson(note, HELD_OUT, `Delete ${join(dataDir, "retrieval")}, and merge anew.`);
    throw new UserError(
      `An earlier merge held out ${before.classes} classes for retrieval; this one would train on them.`,
      `Give --hold-out ${before.share} again, or delete ${join(dataDir, "retrieval")}.`,
    );
  }
}
