// Data sets on the command line, and what is said of those that failed.
import { type DataSet, findDataSet } from "../../datasets/catalogue";
import { type Fault, faultsText } from "../../datasets/over_data_sets";

/** The data sets of `--dataset`: `a b` and `a,b` mean the same; undefined without it. */
export function namedDatasets(names?: readonly string[]): DataSet[] | undefined {
  return names?.flatMap((text) => text.split(",")).map((name) => findDataSet(name.trim()));
}

/** What a command says of the data sets that it could not finish; undefined where it finished all. */
export function failureOf(faults: readonly Fault[]): string | undefined {
  return faults.length > 0 ? faultsText(faults) : undefined;
}
