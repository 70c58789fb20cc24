// Lists the images that a pack holds: the distinct images of a training table, in a random order.
import { createHash } from "node:crypto";
import { type Database, randomOrder, withDatabase } from "../common/database/database";
import { TextColumn } from "../common/texts";
import { tablePath } from "../config/paths";
import { drawKey } from "../preprocessing/content_names";
import { FOLDS_TABLE } from "../tables/layout";
import { loadCsv } from "../tables/read_csv";
import type { PackPlace, PackSummary } from "./pack_folder";

/** The images of a pack, in its order. */
export interface PackedImages extends Pick<PackSummary, "order"> {
  /** Paths below the data directory. */
  files: TextColumn;
  labels: Int32Array;
}

/**
 * Lists the distinct images of all folds. The order is random by the seed, so that the images next to each other in a
 * tar are of different classes: a run's shuffle buffer then mixes what is mixed already.
 * @throws UserError for a missing or bad table
 */
export async function packedImages(place: PackPlace, seed: number): Promise<PackedImages> {
  return withDatabase(async (database) => {
    const columns = FOLDS_TABLE.filter(({ kind, name }) => kind === "path" || name === "new_labels");
    await loadCsv(database, "rows", tablePath(place), columns, "npx guie merge makes it", { as: "VIEW" });
    await database.run(
      `CREATE TABLE packed AS SELECT new_image_files AS image, min(new_labels) AS label FROM rows
       GROUP BY image ORDER BY ${randomOrder(seed, "pack", drawKey("image"))}, image`,
    );
    return readPacked(database);
  });
}

async function readPacked(database: Database): Promise<PackedImages> {
  const { images } = await database.row<{ images: number }>("SELECT count(*) AS images FROM packed");
  const files = new TextColumn(images);
  const labels = new Int32Array(images);
  const order = createHash("sha256");
  const columns = { numbers: ["label"], texts: ["image"] };
  await database.eachRow("SELECT image, label FROM packed ORDER BY rowid", columns, (row) => {
    const image = row.text(0);
    const label = row.numbers[0]!;
    labels[files.length] = label;
    files.push(image);
    order.update(`${image}\t${label}\n`);
  });
  return { files, labels, order: order.digest("hex") };
}
