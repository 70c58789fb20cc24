// Lists the images of one class, also of one that the pipeline has dropped or held out.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { withDatabase } from "../common/database/database";
import { type DatasetName, preprocessedCsv, sourceCsv } from "../preprocessing/layout";
import { type ClassRow, RETRIEVAL } from "./class_table";
import { IMAGE_TABLE, RETRIEVAL_FILES } from "./layout";
import { loadCsv } from "./read_csv";

/**
 * Returns the images of a class, relative to the data directory, in the order of its table: the preprocessed ones, else
 * those that Get_Data has read, else the queries and the index of a held-out class.
 * @throws UserError for a bad table
 */
export async function imagesOfRow(
  dataDir: string,
  datasets: readonly DatasetName[],
  { dataset, label }: Pick<ClassRow, "dataset" | "label">,
): Promise<string[]> {
  const set = datasets.find(({ name }) => name === dataset);
  const held = dataset.startsWith(`${RETRIEVAL}: `) ? [RETRIEVAL_FILES.queries, RETRIEVAL_FILES.index] : [];
  const tables = set ? [[preprocessedCsv(set)], [sourceCsv(set)]] : [held];
  return withDatabase(async (database) => {
    for (const files of tables) {
      const images: string[] = [];
      for (const file of files.filter((file) => existsSync(join(dataDir, file)))) {
        await loadCsv(database, "listed", join(dataDir, file), IMAGE_TABLE, "npx guie get-data", {
          as: "VIEW",
        });
        const rows = await database.rows<{ image: string }>(
          `SELECT image_files AS image FROM listed WHERE labels = ${Math.trunc(label)}`,
        );
        images.push(...rows.map(({ image }) => image));
      }
      if (images.length > 0) return images;
    }
    return [];
  });
}
