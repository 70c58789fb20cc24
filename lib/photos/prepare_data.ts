// Brings photos into a data directory of their own: read, resized, merged, some classes held out.
import { join } from "node:path";
import { UserError } from "../common/errors";
import type { TaskOptions } from "../common/progress";
import { type DataSet, findDataSet } from "../datasets/catalogue";
import { getData, linkRaw } from "../datasets/get_data";
import { preprocessDataset } from "../preprocessing/preprocess";
import { heldOutBefore } from "../tables/held_out";
import { mergeTables } from "../tables/merge_tables";

/** What `prepareData` reads, and what it holds out. */
export interface PrepareOptions extends TaskOptions {
  /** Name of the data set and of its data directory `data/<name>`. */
  name: string;
  /** One of the fourteen data sets whose layout the photos have; default: their own. */
  dataset?: string | undefined;
  /** Share of the classes to hold out, 0..1; 0 for none. */
  holdOut: number;
  seed: number;
}

/** Photos that are ready to train on. */
export interface PreparedData {
  dataDir: string;
  /** Images that are kept, of all classes. */
  images: number;
  classes: number;
  /** Classes that are held out of them. */
  heldOut: number;
}

/** Runs Get_Data, Data_preprocessing and Data_Merge for one source; finished parts are taken as they are. */
export async function prepareData(
  source: string,
  { name, dataset, holdOut, seed, ...options }: PrepareOptions,
): Promise<PreparedData> {
  const dataDir = join("data", name);
  const set = setOf(dataDir, source, dataset);
  await getData(dataDir, set.name, options);
  const { rowsOut, classesOut } = await preprocessDataset({ dataDir, dataset: set, ...options });
  await mergeTables({ dataDir, datasets: [set], seed, ...(holdOut > 0 ? { holdOut } : {}), ...options });
  return { dataDir, images: rowsOut, classes: classesOut, heldOut: heldOutBefore(dataDir)?.classes ?? 0 };
}

function setOf(dataDir: string, source: string, dataset: string | undefined): DataSet {
  if (dataset === undefined) throw new UserError("own data sets are to come");
  const set = findDataSet(dataset);
  linkRaw(dataDir, set, source);
  return set;
}
