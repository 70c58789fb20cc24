// Data_preprocessing: drops small classes, resizes every kept image by the resize rule, writes JPEGs and a table.
import { copyFileSync, existsSync, rmSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { writeCsv } from "../common/csv/csv";
import { asOwner } from "../common/files/claim";
import { makeFolder, removeAbandoned, writeTogether } from "../common/files/files";
import { itemsOfPart, type Part } from "../common/files/part";
import {
  asShare,
  dropShares,
  noticeTaken,
  shareFile,
  shareFiles,
  untilSharesEnded,
} from "../common/files/shares";
import { withSignal } from "../common/interrupt";
import { projectPath } from "../common/project";
import type { DataSet } from "../datasets/catalogue";
import { PREPROCESS, throwFaults, tryEach } from "../datasets/over_data_sets";
import { type ImageRow, writeImageRows } from "../datasets/rows";
import { keepOnly, recordPath } from "./images_folder";
import {
  type DatasetName,
  preprocessedClasses,
  preprocessedCsv,
  preprocessedFolder,
  rejectsCsv,
  sourceClasses,
} from "./layout";
import { type PreprocessOptions, prepareMaking } from "./preparation";
import { countClasses, keepLargeClasses, noClassLeft, readWantedRows } from "./wanted_rows";

/** The work, for messages. */
const PREPROCESSING = "Data_preprocessing";
const RECORD_ENDING = ".jsonl";

/** Numbers of rows and classes before and after preprocessing. */
export interface PreprocessResult {
  dataset: string;
  rowsIn: number;
  classesIn: number;
  rowsOut: number;
  classesOut: number;
  /** Number of images that could not be read; `<folder>_rejects.csv` lists them with their reasons. */
  rejected: number;
  /** Number of readable images in classes that rejected images brought below the smallest size. */
  droppedAfterRejects: number;
}

/**
 * Preprocesses one data set: `csv/<name>.csv` -> `final_data_224/<folder>/images/*.jpg`,
 * `<folder>_final_224.csv` (image_files,labels; labels unchanged) and `<folder>_rejects.csv`
 * (image_files,labels,reason). Counts classes again without the unreadable images.
 *
 * It can be stopped at any time and run again: a JPEG with its final name is complete and is made again only if its
 * source has changed (recorded in `<folder>/sources.jsonl`). It retries images that could not be read. The images
 * folder belongs to this step: JPEGs that no row names are removed. Images that shares have finished
 * (`preprocessShare`) are taken as they are; this call waits for shares under way, and makes what is missing.
 * @throws UserError for a missing or invalid table, for images made with other settings, if no class is left, and if
 * another process preprocesses the same data set; UnreachableFile, with no table written, if images cannot be read
 * through no fault of their own
 * @example
 * await preprocessDataset({ dataDir: "data/guie", dataset: findDataSet("Fruit") });
 */
export async function preprocessDataset(options: PreprocessOptions): Promise<PreprocessResult> {
  const dataDir = projectPath(options.dataDir);
  const folder = join(dataDir, preprocessedFolder(options.dataset));
  return withSignal(options.signal, () =>
    asOwner(folder, PREPROCESSING, () => preprocessOwned({ ...options, dataDir })),
  );
}

async function preprocessOwned(options: PreprocessOptions): Promise<PreprocessResult> {
  const { dataDir, dataset } = options;
  const folder = join(dataDir, preprocessedFolder(dataset));
  await untilSharesEnded(folder, PREPROCESSING);
  const { rows, wanted } = await readWantedRows(dataDir, dataset);
  for (const table of [rejectsCsv(dataset), preprocessedCsv(dataset)])
    removeAbandoned(join(dataDir, table), { ofThisMachine: true });
  const shares = shareFiles(folder, RECORD_ENDING);
  noticeTaken(shares, `images of ${dataset.name}`);
  const { record, madeOf, run } = await prepareMaking(options, wanted, {
    recordPath: recordPath(folder),
    others: shares.old.length > 0 ? { before: shares.old, after: shares.recent } : { after: shares.recent },
  });
  const reasons = await run();
  await writeRejects(join(dataDir, rejectsCsv(dataset)), wanted, reasons);

  await record.keepOnly(wanted.map(({ imageFile }) => imageFile));
  dropShares(folder); // their records are in this one

  const readable = wanted.filter((_, index) => !reasons.has(index));
  const kept = keepLargeClasses(readable, dataset.smallestClass);
  if (kept.length === 0) throw noClassLeft(dataset, `${reasons.size} files are in ${rejectsCsv(dataset)}`);
  const made = kept.map(({ imageFile, label }) => ({ imageFile: madeOf(imageFile), label }));
  await writeTable(dataDir, dataset, made);
  keepOnly(
    folder,
    made.map(({ imageFile }) => posix.basename(imageFile)),
  );
  return {
    dataset: dataset.name,
    rowsIn: rows.length,
    classesIn: countClasses(rows),
    rowsOut: kept.length,
    classesOut: countClasses(kept),
    rejected: reasons.size,
    droppedAfterRejects: readable.length - kept.length,
  };
}

/**
 * Writes the table, and the names of its classes next to it: Get_Data renumbers the classes when a folder is added,
 * but this table keeps its numbers.
 */
async function writeTable(dataDir: string, dataset: DatasetName, rows: readonly ImageRow[]): Promise<void> {
  const source = join(dataDir, sourceClasses(dataset));
  const [table, classes] = [preprocessedCsv(dataset), preprocessedClasses(dataset)].map((file) =>
    join(dataDir, file),
  ) as [string, string];
  if (!existsSync(source)) rmSync(classes, { force: true });
  const files = existsSync(source) ? [table, classes] : [table];
  await writeTogether(files, async ([temporary, temporaryClasses]) => {
    await writeImageRows(temporary!, rows);
    if (temporaryClasses) copyFileSync(source, temporaryClasses);
  });
}

/** Numbers of images of a share. */
export interface PreprocessShare {
  dataset: string;
  /** Number of images of this part. */
  images: number;
  /** Number of images of all parts. */
  total: number;
  /** Number of images of this part that could not be read. */
  rejected: number;
}

/**
 * Makes one part of a data set's images, next to other processes that make the others; writes no tables. A last call of
 * `preprocessDataset` completes the data set: the files are those of one process.
 * @throws UserError as `preprocessDataset`; UnreachableFile
 * @example
 * await preprocessShare({ dataDir: "data/guie", dataset: findDataSet("Fruit"), part: { index: 2, count: 4 } });
 */
export async function preprocessShare({
  part,
  ...options
}: PreprocessOptions & { part: Part }): Promise<PreprocessShare> {
  const { dataset } = options;
  const dataDir = projectPath(options.dataDir);
  const folder = join(dataDir, preprocessedFolder(dataset));
  const work = async () => {
    const { wanted } = await readWantedRows(dataDir, dataset);
    const mine = itemsOfPart(wanted, part);
    const own = shareFile(folder, part, RECORD_ENDING);
    const { old, recent } = shareFiles(folder, RECORD_ENDING);
    const others = [...old, ...recent].filter((path) => path !== own);
    makeFolder(dirname(own));
    const { run } = await prepareMaking({ ...options, dataDir }, mine, {
      recordPath: own,
      others: { before: [recordPath(folder), ...others] },
    });
    const reasons = await run();
    return {
      dataset: dataset.name,
      images: mine.length,
      total: wanted.length,
      rejected: reasons.size,
    };
  };
  return withSignal(options.signal, () => asShare(folder, part, PREPROCESSING, work));
}

/**
 * Preprocesses several data sets, and goes on with the others if one fails.
 * @throws UserError at the end, with the faults of all that failed
 * @example
 * await preprocessDataSets(preparedDataSets("data/demo"), { dataDir: "data/demo" });
 */
export async function preprocessDataSets(
  datasets: readonly DataSet[],
  options: Omit<PreprocessOptions, "dataset">,
): Promise<PreprocessResult[]> {
  const { results, faults } = await tryEach(options.dataDir, PREPROCESS, datasets, (dataset) =>
    preprocessDataset({ ...options, dataset }),
  );
  throwFaults(PREPROCESS, faults);
  return results;
}

async function writeRejects(
  path: string,
  rows: readonly ImageRow[],
  reasons: ReadonlyMap<number, string>,
): Promise<void> {
  const inOrder = [...reasons].sort(([a], [b]) => a - b);
  const cells = inOrder.map(([index, reason]) => {
    const { imageFile, label } = rows[index]!;
    return [posix.normalize(imageFile), label, reason] as const;
  });
  await writeCsv(path, ["image_files", "labels", "reason"], cells);
}
