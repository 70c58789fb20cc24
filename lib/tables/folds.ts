// Assigns rows to stratified folds.
import { type Database, randomOrder } from "../common/database/database";

/**
 * Assigns folds, step 4 of Data_Merge, like scikit-learn's StratifiedKFold(shuffle=True). Sorts the rows by class,
 * randomly within a class, and deals them out to the folds in turn: the folds' sizes differ by at most one, over all
 * rows and within each class, also for a class with fewer rows than folds.
 * Makes the table `to`: `from` with the column `fold` (0 .. folds - 1), rows in the same order.
 * @param key SQL expression that identifies a row; rows with equal keys may get different folds
 */
export async function assignFolds(
  database: Database,
  { from, to, folds, seed, key }: { from: string; to: string; folds: number; seed: number; key: string },
): Promise<void> {
  const order = `new_labels, ${randomOrder(seed, "folds", key)}`;
  await database.run(
    `CREATE TABLE ${to} AS FROM ${from} POSITIONAL JOIN (
       SELECT fold FROM (
         SELECT rowid AS row, ((row_number() OVER (ORDER BY ${order}) - 1) % ${folds})::INTEGER AS fold
         FROM ${from}
       ) ORDER BY row
     )`,
  );
}

/**
 * Assigns folds as `assignFolds` does, but to groups: all images of a group get the fold of its leader, which is dealt
 * out as one row, of the group's first class. Without groups the folds are those of `assignFolds` with the key
 * new_image_files.
 * @param options.groups table (new_image_files, leader); images that are not in it are groups of their own
 */
export async function assignGroupFolds(
  database: Database,
  { from, to, groups, ...dealt }: { from: string; to: string; groups: string; folds: number; seed: number },
): Promise<void> {
  await database.run(
    `CREATE TABLE led AS FROM ${from} POSITIONAL JOIN (
       SELECT leader FROM (
         SELECT ${from}.rowid AS row, coalesce(leader, new_image_files) AS leader
         FROM ${from} LEFT JOIN ${groups} USING (new_image_files)
       ) ORDER BY row
     )`,
  );
  await database.run(
    "CREATE TABLE leaders AS SELECT leader, min(new_labels) AS new_labels FROM led GROUP BY leader",
  );
  await assignFolds(database, { from: "leaders", to: "dealt", ...dealt, key: "leader" });
  await database.run(
    `CREATE TABLE ${to} AS SELECT led.* EXCLUDE leader, fold FROM led JOIN dealt USING (leader) ORDER BY led.rowid`,
  );
  for (const table of ["led", "leaders", "dealt"]) await database.run(`DROP TABLE ${table}`);
}
