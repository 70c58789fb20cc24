// Samples rows of large classes: at most 100 rows per class.
import { type Database, randomOrder } from "../common/database/database";
import { drawKey } from "../preprocessing/content_names";

/**
 * Samples large classes, step 2 of Data_Merge: keeps `maxPerClass` rows per class, drawn without replacement.
 * Makes the table `to` from `from` (new_image_files, new_labels, dataset), sorted by class and file.
 */
export async function sampleClasses(
  database: Database,
  { from, to, maxPerClass, seed }: { from: string; to: string; maxPerClass: number; seed: number },
): Promise<void> {
  const order = randomOrder(seed, "sample", drawKey("new_image_files"));
  await database.run(
    `CREATE TABLE ${to} AS
     WITH large AS (
       SELECT new_labels FROM ${from} GROUP BY new_labels HAVING count(*) > ${maxPerClass}
     ), surplus AS (
       SELECT rowid AS surplus_row FROM ${from} WHERE new_labels IN (FROM large)
       QUALIFY row_number() OVER (PARTITION BY new_labels ORDER BY ${order}) > ${maxPerClass}
     )
     SELECT * FROM ${from} ANTI JOIN surplus ON ${from}.rowid = surplus_row
     ORDER BY new_labels, new_image_files`,
  );
}
