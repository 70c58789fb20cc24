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
import { type CommandResult, runs } from "../shared/command";
import { wholeNumberOf } from "../shared/numbers";
import { addHeldOutFlags, type HeldOutOptions, heldOutConfig, SCORED_MODELS } from "./held_out";

/** What `compare` is given. */
export interface CompareOptions extends HeldOutOptions {
  byDataset?: boolean;
  seed: string;
}

/** `guie compare MODEL...`: models in one table, with confidence intervals of their differences. */
export function registerCompare(program: Command): void {
  const command = program
    .command("compare")
    .argument("<model...>", `the models, the first of which the others are compared with: ${SCORED_MODELS}`)
    .description(
      "Models on held-out classes: confidence intervals, and differences from the first model with theirs (bootstrap " +
        "over classes).",
    );
  addHeldOutFlags(command);
  command
    .option("--by-dataset", "also the queries of each data set, in all and in their own index")
    .option("--seed <n>", "of the bootstrap", "0");
  runs<CompareOptions>(command, compare);
}

/** Compares models on the held-out classes. */
export async function compare(options: CompareOptions, models: readonly string[]): Promise<CommandResult> {
  const config = heldOutConfig(options);
  if (models.length === 0)
    throw new UserError("No models are named that are to be compared.", "npx guie compare backbone RUN");
  const seed = wholeNumberOf("--seed", options.seed);
  const all = await compareOnHeldOut(config, models, { seed, onProgress: terminalProgress() });
  const rows = options.byDataset ? all : all.filter(({ dataset }) => dataset === ALL_DATASETS);
  const cells = comparisonTable(rows);
  const note =
    `${scoredOnText(await scoredOnHeldOut(config.dataDir))}\n` +
    "[low, high]: 95 % by bootstrap over classes; *: the difference from the first is not zero by it." +
    trainedOnNote(rows);
  const text = `${textTable(Object.keys(cells[0]!), cells.map(Object.values))}\n${note}`;
  return { text, summary: { rows } };
}
