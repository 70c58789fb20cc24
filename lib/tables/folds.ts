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
