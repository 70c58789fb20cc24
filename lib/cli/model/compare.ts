// `guie compare`: compares models on held-out classes, with intervals.
import type { Command } from "commander";
import { UserError } from "../../common/errors";
import { terminalProgress } from "../../common/progress";
import { textTable } from "../../common/text_table";
import { compareOnHeldOut } from "../../experiments/compare";
import { scoredOnHeldOut } from "../../experiments/ladder";
import { comparisonTable, trainedOnNote } from "../../retrieval/comparison_table";
import { ALL_DATASETS } from "../../retrieval/evaluation";
import { scoredOnText } from "../../runs/scored_on";
import { type CommandResult, setAction } from "../shared/command";
import { wholeNumberOf } from "../shared/numbers";
import { addHeldOutFlags, type HeldOutOptions, heldOutConfig, SCORED_MODELS } from "./held_out";

/** Options of `guie compare`. */
export interface CompareOptions extends HeldOutOptions {
  byDataset?: boolean;
  seed: string;
}

/** Registers `guie compare MODEL...`: models in one table, with confidence intervals of their differences. */
export function registerCompare(program: Command): void {
  const command = program
    .command("compare")
    .argument("<model...>", `models; the first is the reference: ${SCORED_MODELS}`)
    .description(
      "Compare models on held-out classes: scores and differences from the first model, with confidence intervals " +
        "(bootstrap over classes).",
    );
  addHeldOutFlags(command);
  command
    .option("--by-dataset", "also score each data set's queries, in the whole index and in their own")
    .option("--seed <n>", "random seed of the bootstrap", "0");
  setAction<CompareOptions>(command, compare);
}

/** Runs `guie compare`: compares models on the held-out classes. */
export async function compare(options: CompareOptions, models: readonly string[]): Promise<CommandResult> {
  const config = heldOutConfig(options);
  if (models.length === 0)
    throw new UserError("No models to compare are given.", "npx guie compare backbone RUN");
  const seed = wholeNumberOf("--seed", options.seed);
  const all = await compareOnHeldOut(config, models, { seed, onProgress: terminalProgress() });
  const rows = options.byDataset ? all : all.filter(({ dataset }) => dataset === ALL_DATASETS);
  const cells = comparisonTable(rows);
  const note =
    `${scoredOnText(await scoredOnHeldOut(config))}\n` +
    "[low, high]: 95 % interval by bootstrap over classes; *: it excludes zero difference from the first." +
    trainedOnNote(rows);
  const text = `${textTable(Object.keys(cells[0]!), cells.map(Object.values))}\n${note}`;
  return { text, summary: { rows } };
}
