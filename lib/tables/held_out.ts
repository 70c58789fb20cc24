// Holds out classes from training: moves them from the merged table to the queries and the index of retrieval.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { type Database, randomOrder } from "../common/database/database";
import { UserError } from "../common/errors";
import { readJson, writeJson } from "../common/files/files";
import { projectPath } from "../common/project";
import { drawKey } from "../preprocessing/content_names";
import { RETRIEVAL_FILES } from "./layout";
import { writeQuery } from "./write_query";

/** The record of a hold-out: `retrieval/held_out.json`. */
export interface HeldOut {
  /** Share of each data set's classes, 0..1. */
  share: number;
  seed: number;
  classes: number;
  queries: number;
  index: number;
}

/** The file's content; `named`: the merge wrote `retrieval/classes.csv` too, unlike earlier versions. */
type Note = HeldOut & { named?: boolean | undefined };

const COUNT = z.number().int().nonnegative();
const NOTE = z.object({
  share: z.number().min(0).max(1),
  seed: z.number(),
  classes: COUNT,
  queries: COUNT,
  index: COUNT,
  named: z.boolean().optional(),
}) satisfies z.ZodType<Note>;

/** The choice of held-out classes: the same share and seed draw the same classes. */
export type HoldOut = Pick<HeldOut, "share" | "seed">;

/** One in this many images of a held-out class is a query (at least one); the rest form the index. */
const IMAGES_PER_QUERY = 5;

/**
 * Takes a share of each data set's classes out of `merged` and `classes` (see `mergeDatasets`) and numbers the
 * remaining classes anew. Makes the tables `retrieval` (image_files, labels, is_query) and `held` (the held-out
 * classes). Does not hold out classes of one image.
 * @param share 0..1
 * @throws UserError if the share holds out no class, or leaves fewer than two
 */
export async function holdOutClasses(database: Database, { share, seed }: HoldOut): Promise<HeldOut> {
  const sizes = await database.rows<DatasetClasses>(
    `SELECT dataset, count(*) AS classes, count(*) FILTER (size > 1) AS usable
     FROM classes JOIN (SELECT new_labels, count(*) AS size FROM merged GROUP BY ALL) USING (new_labels)
     GROUP BY ALL ORDER BY dataset`,
  );
  await database.run(
    `CREATE TABLE held AS
     WITH sizes AS (SELECT new_labels, count(*) AS size FROM merged GROUP BY ALL),
     drawn AS (
       SELECT new_labels, dataset, class_name, size,
         row_number() OVER (PARTITION BY dataset ORDER BY size < 2, ${randomOrder(seed, "held out", "new_labels")}) AS place,
         count(*) OVER (PARTITION BY dataset) AS total
       FROM classes JOIN sizes USING (new_labels)
     )
     SELECT new_labels, dataset, class_name, size, (row_number() OVER (ORDER BY new_labels) - 1)::INTEGER AS label
     FROM drawn WHERE place <= round(${share} * total) AND size > 1`,
  );
  await database.run(
    `CREATE TABLE retrieval AS
     SELECT new_image_files AS image_files, label AS labels, row_number() OVER (
         PARTITION BY new_labels ORDER BY ${randomOrder(seed, "query", drawKey("new_image_files"))}
       ) <= greatest(1, size // ${IMAGES_PER_QUERY}) AS is_query
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
       count(*) FILTER (is_query) AS queries, count(*) FILTER (NOT is_query) AS index FROM retrieval`,
  );
  const { left, ...rest } = counts;
  if (rest.classes > 0 && left > 1) return { share, seed, ...rest };
  throw new UserError(
    `A share of ${share} holds out ${rest.classes} classes and leaves ${left} to train on.`,
    adviceFor(sizes, share),
  );
}

/** Number of classes of a data set, and of those that can be held out: a query needs another image to find. */
interface DatasetClasses {
  dataset: string;
  classes: number;
  usable: number;
}

const LEAST_LEFT = 2;

/** Advises the nearest share that works, or says what is missing. */
function adviceFor(sizes: readonly DatasetClasses[], share: number): string {
  const sum = (counts: number[]) => counts.reduce((total, count) => total + count, 0);
  const all = sum(sizes.map(({ classes }) => classes));
  const heldBy = (other: number) =>
    sum(sizes.map(({ classes, usable }) => Math.min(usable, Math.round(other * classes))));
  const working = Array.from({ length: 19 }, (_, i) => (i + 1) / 20).filter(
    (other) => heldBy(other) > 0 && all - heldBy(other) >= LEAST_LEFT,
  );
  const [nearest] = working.sort((a, b) => Math.abs(a - share) - Math.abs(b - share));
  if (nearest !== undefined) return `Choose another share, for example --hold-out ${nearest}.`;
  return (
    `No share works with ${all} class${all === 1 ? "" : "es"} in ${sizes.length} data set${sizes.length === 1 ? "" : "s"}: ` +
    `training needs ${LEAST_LEFT}, and a held-out class needs two images. Add classes, or merge without --hold-out.`
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

/** Writes the queries, index and classes (labels, class_name, group: the data set) that `holdOutClasses` made. */
export async function writeRetrieval(
  database: Database,
  { queries, index, classes }: Record<"queries" | "index" | "classes", string>,
): Promise<void> {
  const rows = "SELECT image_files, labels FROM retrieval";
  await writeQuery(database, `${rows} WHERE is_query ORDER BY labels, image_files`, queries);
  await writeQuery(database, `${rows} WHERE NOT is_query ORDER BY labels, image_files`, index);
  const named = `SELECT label AS labels, class_name, dataset AS "group" FROM held ORDER BY label`;
  await writeQuery(database, named, classes);
}

/** Writes the record of a hold-out. */
export function writeHeldOut(path: string, heldOut: HeldOut): void {
  writeJson(path, { ...heldOut, named: true } satisfies Note);
}

/**
 * Reads the hold-out of an earlier merge in a data directory; undefined if there is none.
 * @example
 * heldOutBefore("data/demo") // undefined where no class was held out
 */
export function heldOutBefore(dataDir: string): HeldOut | undefined {
  const note = readNote(dataDir);
  if (!note) return undefined;
  const { named: _, ...heldOut } = note;
  return heldOut;
}

function readNote(dataDir: string): Note | undefined {
  const note = join(projectPath(dataDir), RETRIEVAL_FILES.heldOut);
  const next = `Delete ${dirname(note)}, and merge anew.`;
  return existsSync(note) ? readJson(note, NOTE, next) : undefined;
}

/**
 * Checks a hold-out against earlier files before a merge overwrites them.
 * @param holdOut the hold-out of this merge, or undefined
 * @throws UserError if the retrieval set or the names of its classes are not of a merge, or if this merge would train
 * on classes that an earlier merge held out
 */
export function checkHeldOut(dataDir: string, holdOut: HoldOut | undefined): void {
  const before = readNote(dataDir);
  if (holdOut && existsSync(join(dataDir, RETRIEVAL_FILES.queries)) && !before) {
    throw new UserError(
      `${join(dataDir, "retrieval")} holds a retrieval set that Data_Merge did not make: it stays.`,
      "Merge without holding out (no --hold-out; in the notebook: holdOut undefined), or move that folder away.",
    );
  }
  const names = join(dataDir, RETRIEVAL_FILES.classes);
  if (holdOut && existsSync(names) && !before?.named) {
    throw new UserError(
      `${names} was not written by a merge; this one names the held-out classes there, as their numbers are now.`,
      "Move that file away.",
    );
  }
  if (!holdOut && before) {
    throw new UserError(
      `An earlier merge held out ${before.classes} classes for retrieval; this one would train on them.`,
      `Give --hold-out ${before.share} --seed ${before.seed} again to hold out the same classes ` +
        `(in the notebook: holdOut undefined), or delete ${join(dataDir, "retrieval")}.`,
    );
  }
}
