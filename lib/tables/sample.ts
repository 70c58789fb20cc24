import { type Database, randomOrder } from "./database";

/**
 * Step 2 of Data_Merge: a class with more than `maxPerClass` rows keeps that many, drawn without replacement.
 * Makes the table `to` from `from` (new_image_files, new_labels, dataset), sorted by class and file.
 */
export async function sampleClasses(
  database: Database,
  { from, to, maxPerClass, seed }: { from: string; to: string; maxPerClass: number; seed: number },
): Promise<void> {
  const order = randomOrder(seed, "sample", "new_image_files");
  await database.run(
    `CREATE TABLE ${to} AS FROM ${from}
     QUALIFY row_number() OVER (PARTITION BY new_labels ORDER BY ${order}) <= ${maxPerClass}
     ORDER BY new_labels, new_image_files`,
  );
}
