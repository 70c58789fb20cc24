import { existsSync } from "node:fs";
import { writeCsv } from "../common/csv";
import { UserError } from "../common/errors";
import type { OnProgress } from "../common/progress";
import { projectPath } from "../common/project";
import { DATA_SETS, type DataSet, findDataSet } from "./catalogue";
import type { LabelledImage, SkippedCounts } from "./readers/reader";
import { type ImageRow, writeImageRows } from "./rows";

/** What Get_Data wrote for one data set. */
export interface GetDataResult {
  dataset: string;
  /** Absolute path of `csv/<name>.csv`: image_files,labels. */
  csv: string;
  /** Absolute path of `csv/<name>_classes.csv`: labels,class_name. */
  classesCsv: string;
  /** Images. */
  rows: number;
  classes: number;
  skipped: SkippedCounts;
}

/** Where the raw data of a data set is expected: an absolute path. */
export function rawFolder(dataDir: string, { folder }: Pick<DataSet, "folder">): string {
  return projectPath(dataDir, "raw", folder);
}

/** The data sets whose raw folder is there, in merge order. */
export function presentDataSets(dataDir: string): DataSet[] {
  return DATA_SETS.filter((set) => existsSync(rawFolder(dataDir, set)));
}

/**
 * Step 1 of the pipeline for one data set: reads its raw folder and writes `csv/<name>.csv` (image_files,labels; paths
 * relative to the data directory, classes numbered from 0 as they appear) and `csv/<name>_classes.csv`
 * (labels,class_name). Listings are sorted, so that the same files give the same CSV on every machine.
 *
 * Landmark2021, JD_Products_10K and Shopee ship a CSV of their own; it is read, and written again with these two
 * columns, so that every later step meets one format.
 * @param dataDir the data directory; a relative path is one below the project's root
 * @param dataset a name or folder of the catalogue
 * @throws UserError when the raw folder is missing, empty or laid out in another way
 */
export async function getData(
  dataDir: string,
  dataset: string,
  options: { onProgress?: OnProgress } = {},
): Promise<GetDataResult> {
  const set = findDataSet(dataset);
  const folder = rawFolder(dataDir, set);
  if (!existsSync(folder)) throw missingRawFolder(dataDir, set);
  const { images, skipped } = await set.read(folder, (done, total, unit) =>
    options.onProgress?.({ stage: `Get_Data ${set.name}`, done, total, unit }),
  );
  const { rows, classNames } = numberClasses(images, `raw/${set.folder}`);
  const csv = projectPath(dataDir, "csv", `${set.name}.csv`);
  const classesCsv = projectPath(dataDir, "csv", `${set.name}_classes.csv`);
  await writeCsv(classesCsv, ["labels", "class_name"], classNames.entries());
  await writeImageRows(csv, rows);
  return { dataset: set.name, csv, classesCsv, rows: rows.length, classes: classNames.length, skipped };
}

/** Says where the raw data of a data set belongs and where to get it. */
export function missingRawFolder(dataDir: string, set: DataSet): UserError {
  return new UserError(
    `Expected the raw images of ${set.title} in ${rawFolder(dataDir, set)}: there is no such folder.`,
    `Get the data set from ${set.source} and unpack it there as ${set.layout}.`,
  );
}

/** Numbers the classes from 0 in the order in which they appear. */
function numberClasses(
  images: readonly LabelledImage[],
  prefix: string,
): { rows: ImageRow[]; classNames: string[] } {
  const labels = new Map<string, number>();
  const classNames: string[] = [];
  const rows = images.map(({ file, classKey, className }) => {
    const label = labels.get(classKey) ?? labels.size;
    if (label === labels.size) {
      labels.set(classKey, label);
      classNames.push(className ?? classKey);
    }
    return { imageFile: `${prefix}/${file}`, label };
  });
  return { rows, classNames };
}
