// Data sets on the command line, and the message about those that failed.
import { type DataSet, findDataSet } from "../../datasets/catalogue";
import { type Fault, faultsText } from "../../datasets/over_data_sets";

/** Returns the data sets of `--dataset` (`a b` and `a,b` mean the same); undefined if the flag is absent. */
export function namedDatasets(names?: readonly string[]): DataSet[] | undefined {
  return names?.flatMap((text) => text.split(",")).map((name) => findDataSet(name.trim()));
}

/** Returns the message about data sets that a command could not finish; undefined if it finished all. */
export function failureOf(faults: readonly Fault[]): string | undefined {
  return faults.length > 0 ? faultsText(faults) : undefined;
}
