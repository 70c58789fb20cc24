// Repeats rows of small classes: at least 20 rows per class.
import { type Database, randomOrder } from "../common/database/database";
import { drawKey } from "../preprocessing/content_names";

/**
 * Repeats small classes, step 3 of Data_Merge: repeats each row of a class with n < `minPerClass` rows
 * floor(minPerClass / n) times, and (minPerClass mod n) rows, drawn without replacement, once more. The class then has
 * exactly `minPerClass` rows.
 * Makes the table `to`: `from` with the column `copies`, a row's number of occurrences (1 in larger classes).
 */
export async function repeatSmallClasses(
  database: Database,
  { from, to, minPerClass, seed }: { from: string; to: string; minPerClass: number; seed: number },
): Promise<void> {
  const order = randomOrder(seed, "resample", drawKey("new_image_files"));
  await database.run(
    `CREATE TABLE ${to} AS FROM ${from} POSITIONAL JOIN (
       SELECT (CASE WHEN class_size >= ${minPerClass} THEN 1
         ELSE ${minPerClass} // class_size + (place <= ${minPerClass} % class_size)::INTEGER END)::INTEGER AS copies
       FROM (
         SELECT rowid AS row, count(*) OVER class AS class_size, row_number() OVER (class ORDER BY ${order}) AS place
         FROM ${from} WINDOW class AS (PARTITION BY new_labels)
       ) ORDER BY row
     )`,
  );
}
