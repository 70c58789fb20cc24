// `guie merge`: merges the data sets into one balanced table with folds.
import { type Command, Option } from "commander";
import { terminalProgress } from "../../common/progress";
import { textTable } from "../../common/text_table";
import type { DataSet } from "../../datasets/catalogue";
import { GET_DATA, PREPROCESS, refuseFaults } from "../../datasets/over_data_sets";
import { preprocessedDataSets } from "../../preprocessing/present_data_sets";
import { describeGroups } from "../../tables/groups";
import { type FoldMode, mergeTables } from "../../tables/merge_tables";
import { type CommandResult, setAction } from "../shared/command";
import { namedDatasets } from "../shared/data_sets";
import { shareOf, wholeNumberOf } from "../shared/numbers";

interface MergeCommandOptions {
  dataDir: string;
  dataset?: string[];
  seed: string;
  folds: FoldMode;
  holdOut?: string;
}

/** Registers `guie merge`: the notebook Data_Merge. */
export function registerMerge(program: Command): void {
  const command = program
    .command("merge")
    .description(
      "Merge the preprocessed data sets into one table: sample large classes, repeat small ones, draw folds.",
    )
    .requiredOption("--data-dir <dir>", "folder with the pipeline's files")
    .option(
      "--dataset <names...>",
      "data sets, separated by spaces or commas (default: all preprocessed ones)",
    )
    .option("--seed <n>", "random seed", "999")
    .option(
      "--hold-out <share>",
      "share of each data set's classes to hold out from training and write to retrieval/, for example 0.33",
    )
    .addOption(
      new Option(
        "--folds <mode>",
        "draw folds over images (leak-free), or over repeated rows as the original does (as-published)",
      )
        .choices(["leak-free", "as-published"])
        .default("leak-free"),
    );
  setAction<MergeCommandOptions>(command, merge);
}

async function merge({ dataDir, folds, holdOut, ...options }: MergeCommandOptions): Promise<CommandResult> {
  const seed = wholeNumberOf("--seed", options.seed);
  const datasets = namedInOrder(dataDir, options.dataset) ?? preprocessedDataSets(dataDir);
  const onProgress = terminalProgress();
  const tables = await mergeTables({
    dataDir,
    datasets,
    seed,
    foldMode: folds,
    onProgress,
    holdOut: holdOut === undefined ? undefined : shareOf("--hold-out", holdOut),
  });
  const text = textTable(
    ["table", "rows", "images", "classes"],
    tables.map(({ file, rows, images, classes }) => [file, rows, images, classes]),
  );
  const groups = tables.find((table) => table.groups)?.groups;
  return {
    text: groups ? `${text}\n${describeGroups(groups)}` : text,
    summary: { datasets: datasets.map(({ name }) => name), folds, seed, tables },
  };
}

/** Returns the named data sets in the catalogue's order, on which the labels depend. */
function namedInOrder(dataDir: string, names?: readonly string[]): DataSet[] | undefined {
  const sets = namedDatasets(dataDir, names)?.sort((a, b) => a.number - b.number);
  if (sets) for (const step of [GET_DATA, PREPROCESS]) refuseFaults(dataDir, step, sets);
  return sets;
}
