// `guie compare`: compares models on held-out classes of one or several data directories, with intervals.
import type { Command } from "commander";
import { UserError } from "../../common/errors";
import { terminalProgress } from "../../common/progress";
import { textTable } from "../../common/text_table";
import { compareOverData, type DataComparison } from "../../experiments/compare";
import { scoredOnHeldOut } from "../../experiments/ladder";
import { comparisonTable, crossTable, lossSentences, trainedOnNote } from "../../retrieval/comparison_table";
import { ALL_DATASETS } from "../../retrieval/evaluation";
import { scoredOnText } from "../../runs/scored_on";
import { type CommandResult, setAction } from "../shared/command";
import { wholeNumberOf } from "../shared/numbers";
import { addHeldOutFlags, type HeldOutOptions, heldOutConfig, SCORED_MODELS } from "./held_out";

/** Options of a comparison. */
export interface CompareOptions extends HeldOutOptions {
  byDataset?: boolean;
  seed: string;
}

/** Options of `guie compare`, which takes several data directories. */
type OverDataOptions = Omit<CompareOptions, "dataDir"> & { dataDir?: string[] };

/** Registers `guie compare MODEL...`: models in one table, with confidence intervals of their differences. */
export function registerCompare(program: Command): void {
  const command = program
    .command("compare")
    .argument("[model...]", `models; the first is the reference: ${SCORED_MODELS}`)
    .description(
      "Compare models on held-out classes, of several data directories if they are given: scores and differences from " +
        "the first model, with confidence intervals (bootstrap over classes), and a sentence for each loss.",
    );
  addHeldOutFlags(command, true);
  command
    .option("--by-dataset", "also score each data set's queries, in the whole index and in their own")
    .option("--seed <n>", "random seed of the bootstrap", "0");
  setAction<OverDataOptions>(command, ({ dataDir, ...options }, models) => {
    const [first, ...more] = dataDir ?? [];
    // words behind `--data-dir DIR` are models, if there are none before it
    return models.length === 0 && first !== undefined
      ? compare(options, more, [first])
      : compare(options, models, dataDir);
  });
}

/** Runs a comparison on the held-out classes. @param dataDirs default: the preset's */
export async function compare(
  options: CompareOptions,
  models: readonly string[],
  dataDirs: readonly string[] = [heldOutConfig(options).dataDir],
): Promise<CommandResult> {
  const distinct = [...new Set(dataDirs)];
  if (models.length === 0)
    throw new UserError("No models to compare are given.", "npx guie compare backbone RUN");
  if (options.byDataset && distinct.length > 1)
    throw new UserError(
      "--by-dataset: of no use with several data directories.",
      "Compare on one directory at a time.",
    );
  const seed = wholeNumberOf("--seed", options.seed);
  const config = heldOutConfig(options);
  const all = await compareOverData(config, models, distinct, { seed, onProgress: terminalProgress() });
  const whole = all.map(({ dataDir, rows }) => ({
    dataDir,
    rows: rows.filter(({ dataset }) => dataset === ALL_DATASETS),
  }));
  const comparisons = options.byDataset ? all : whole;
  const losses = lossSentences(whole);
  const scoredOn: string[] = [];
  for (const dataDir of distinct) scoredOn.push(scoredOnText(await scoredOnHeldOut({ ...config, dataDir })));
  const rows = comparisons.flatMap(({ dataDir, rows }) => rows.map((row) => ({ dataDir, ...row })));
  const lines = [
    tableText(comparisons),
    ...lossLines(losses, models.length),
    ...scoredOn,
    `[low, high]: 95 % interval by bootstrap over classes; *: it excludes zero difference from the first.${trainedOnNote(rows)}`,
  ];
  return { text: lines.join("\n"), summary: { rows, losses } };
}

function tableText(comparisons: readonly DataComparison[]): string {
  const [first] = comparisons;
  const cells = comparisons.length === 1 ? comparisonTable(first!.rows) : crossTable(comparisons);
  return textTable(Object.keys(cells[0]!), cells.map(Object.values));
}

function lossLines(losses: readonly string[], models: number): readonly string[] {
  if (models < 2) return [];
  return losses.length > 0 ? losses : ["no loss: no interval of a difference in mP@5 lies below 0"];
}
