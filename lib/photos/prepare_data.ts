// Brings photos into a data directory of their own: read, resized, merged, some classes held out.
import { join } from "node:path";
import { eachCsvRow } from "../common/csv/csv";
import type { LeftOut } from "../common/files/image_folder";
import type { TaskOptions } from "../common/progress";
import { dataFolder } from "../config/paths";
import { type DataSet, findDataSet } from "../datasets/catalogue";
import { type GetDataResult, getData } from "../datasets/get_data";
import { getPhotos } from "../datasets/get_photos";
import type { OwnSource } from "../datasets/own/own_images";
import { sourcePath } from "../datasets/own/read_own_images";
import { linkRaw } from "../datasets/raw_link";
import { rejectsCsv } from "../preprocessing/layout";
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
  /** Receives lines for people. */
  say?: ((line: string) => void) | undefined;
}

/** Photos that are ready to train on. */
export interface PreparedData {
  dataDir: string;
  /** Images that are kept, of all classes. */
  images: number;
  classes: number;
  /** Classes that are held out of them. */
  heldOut: number;
  /** Files of the source that are left out, with the reasons. */
  notRead: LeftOut[];
}

/** Runs Get_Data, Data_preprocessing and Data_Merge for one source; finished parts are taken as they are. */
export async function prepareData(
  source: OwnSource,
  { name, dataset, holdOut, seed, say, ...options }: PrepareOptions,
): Promise<PreparedData> {
  const dataDir = join("data", name);
  const read = await readPhotos(dataDir, source, { name, dataset, say, ...options });
  const set = findDataSet(read.dataset, dataDir);
  const { rowsOut, classesOut } = await preprocessDataset({ dataDir, dataset: set, ...options });
  const notRead = [...read.leftOut, ...(await readRejects(dataDir, set))];
  const share = holdOut > 0 ? holdOut : undefined;
  await mergeTables({ dataDir, datasets: [set], seed, holdOut: share, ...options });
  const heldOut = heldOutBefore(dataDir)?.classes ?? 0;
  return { dataDir, images: rowsOut, classes: classesOut, heldOut, notRead };
}

/** Reads the images that Data_preprocessing could not read, by their paths below the source. */
async function readRejects(dataDir: string, set: Pick<DataSet, "name" | "folder">): Promise<LeftOut[]> {
  const raw = `raw/${set.folder}/`;
  const rejects: LeftOut[] = [];
  await eachCsvRow(join(dataFolder({ dataDir }), rejectsCsv(set)), ["image_files", "reason"], (row) => {
    rejects.push({ file: row.image_files!.replace(raw, ""), reason: row.reason! });
  });
  return rejects;
}

async function readPhotos(
  dataDir: string,
  source: OwnSource,
  { name, dataset, say, ...options }: Omit<PrepareOptions, "holdOut" | "seed">,
): Promise<GetDataResult> {
  if (dataset === undefined) {
    const onRecognised = (said: readonly string[]) => {
      for (const line of said) say?.(line);
    };
    return getPhotos(dataDir, name, source, { onRecognised, ...options });
  }
  const set = findDataSet(dataset);
  linkRaw(dataDir, set, sourcePath(source.source));
  return getData(dataDir, set.name, options);
}
