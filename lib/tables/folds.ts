// Assigns rows to stratified folds, without leaks between them.
import { type Database, randomOrder } from "./database";

/**
 * Step 4 of Data_Merge: scikit-learn's StratifiedKFold(shuffle=True). Rows are put in the order of their classes,
 * randomly within a class, and dealt out to the folds in turn: the folds' sizes differ by at most one, over all rows
 * and within each class, also where a class has fewer rows than there are folds.
 * Makes the table `to`: `from` with the column `fold` (0 .. folds - 1), rows in the same order.
 * @param key SQL expression that names a row: what stands in two rows may get two folds
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
