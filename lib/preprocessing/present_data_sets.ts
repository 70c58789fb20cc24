// Lists the data sets that are ready for each step.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../common/errors";
import { projectPath } from "../common/project";
import { allDataSets, type DataSet } from "../datasets/catalogue";
import { GET_DATA, PREPROCESS, refuseFaults } from "../datasets/over_data_sets";
import { type Unread, unreadTables } from "../datasets/unknown_files";
import { preprocessedCsv, sourceCsv } from "./layout";

/**
 * Returns the data sets that Get_Data has read: those with a `csv/<name>.csv`, in merge order.
 * @throws UserError if there is none, or if Get_Data failed for a data set with raw data
 * @example
 * preparedDataSets("data/demo").map(({ name }) => name)
 */
export function preparedDataSets(dataDir: string): DataSet[] {
  refuseFaults(dataDir, GET_DATA, allDataSets(dataDir));
  const unread = unreadTables(dataDir);
  return dataSetsWith(dataDir, sourceCsv, "csv/<name>.csv", unread ?? { next: "npx guie get-data --help" });
}

/**
 * Returns the data sets that Data_preprocessing has finished, in merge order.
 * @throws UserError if there is none, or if Get_Data or Data_preprocessing failed for one
 * @example
 * preprocessedDataSets("data/demo").map(({ name }) => name)
 */
export function preprocessedDataSets(dataDir: string): DataSet[] {
  refuseFaults(dataDir, PREPROCESS, allDataSets(dataDir));
  const table = "final_data_224/<folder>_final_224.csv";
  const next = `npx guie preprocess --data-dir ${dataDir}`;
  const found = dataSetsWith(dataDir, preprocessedCsv, table, { next });
  refuseFaults(dataDir, GET_DATA, found);
  return found;
}

function dataSetsWith(
  dataDir: string,
  tableOf: (set: DataSet) => string,
  expected: string,
  { what, next }: Pick<Unread, "next"> & Partial<Unread>,
): DataSet[] {
  const folder = projectPath(dataDir);
  const found = allDataSets(dataDir).filter((set) => existsSync(join(folder, tableOf(set))));
  if (found.length > 0) return found;
  const none = `Expected tables ${expected} below ${folder}: there is none.`;
  throw new UserError(what ? `${none} ${what}` : none, next);
}
