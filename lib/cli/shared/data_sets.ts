// Data sets on the command line, and the message about those that failed.
import { type DataSet, findDataSet } from "../../datasets/catalogue";
import { type Fault, faultsText } from "../../datasets/over_data_sets";
import { wordsOf } from "./numbers";

/** Returns the names of `--dataset`: `a b` and `a,b` mean the same. */
export function splitNames(names?: readonly string[]): string[] | undefined {
  return names?.flatMap(wordsOf);
}

/**
 * Returns the data sets of `--dataset`; undefined if the flag is absent.
 * @param dataDir the data directory whose own data sets count as well
 */
export function namedDatasets(dataDir: string | undefined, names?: readonly string[]): DataSet[] | undefined {
  return splitNames(names)?.map((name) => findDataSet(name, dataDir));
}

/** Returns the message about data sets that a command could not finish; undefined if it finished all. */
export function failureOf(faults: readonly Fault[]): string | undefined {
  return faults.length > 0 ? faultsText(faults) : undefined;
}
