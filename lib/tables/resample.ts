import { type Database, randomOrder } from "./database";

/**
 * Step 3 of Data_Merge: a class with n < `minPerClass` rows is repeated floor(minPerClass / n) times whole, plus
 * (minPerClass mod n) rows drawn without replacement: exactly `minPerClass` rows.
 * Makes the table `to` from `from` with its columns and `copy` (from 0), sorted by class, file and copy.
 */
export async function repeatSmallClasses(
  database: Database,
  { from, to, minPerClass, seed }: { from: string; to: string; minPerClass: number; seed: number },
): Promise<void> {
  const order = randomOrder(seed, "resample", "new_image_files");
  await database.run(
    `CREATE TABLE ${to} AS
     WITH ranked AS (
       SELECT *, count(*) OVER class AS class_size,
         row_number() OVER (class ORDER BY ${order}) AS place
       FROM ${from} WINDOW class AS (PARTITION BY new_labels)
     ), counted AS (
       SELECT * EXCLUDE (class_size, place),
         CASE WHEN class_size >= ${minPerClass} THEN 1
         ELSE ${minPerClass} // class_size + (place <= ${minPerClass} % class_size)::INTEGER END AS copies
       FROM ranked
     )
     SELECT * EXCLUDE (copies), unnest(range(copies))::INTEGER AS copy
     FROM counted ORDER BY new_labels, new_image_files, copy`,
  );
}
