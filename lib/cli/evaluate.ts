import type { Command } from "commander";
import { UserError } from "../common/errors";
import { terminalProgress } from "../common/progress";
import { overrideConfig, type TrainConfig } from "../config/config";
import { preset } from "../config/presets";
import { comparisonTable } from "../retrieval/comparison_table";
import { confusionTable, type DatasetConfusion } from "../retrieval/confusion";
import { ALL_DATASETS } from "../retrieval/evaluation";
import { compareOnHeldOut, confusionOnHeldOut } from "../training/compare";
import { climbLadder, isUntrained, type LadderRung } from "../training/ladder";
import { baselineOfRun } from "../training/runs/baseline";
import { listRuns, readRunConfig, runFolder } from "../training/runs/run_folder";
import { type CommandResult, runs } from "./command";
import { wholeNumberOf } from "./numbers";
import { textTable } from "./text_table";

interface EvaluateOptions {
  configName: string;
  dataDir?: string;
  run?: string[];
  compare?: boolean;
  byDataset?: boolean;
  confusion?: boolean;
  seed: string;
}

/** `guie evaluate`: the ladder on held-out classes: pixels, backbone, and trained runs. */
export function registerEvaluate(program: Command): void {
  const command = program
    .command("evaluate")
    .argument(
      "[models...]",
      "pixels, backbone, runs: RUN, RUN/best, RUN/epoch_3:ema; default: the preset's own runs",
    )
    .description(
      "Retrieval on held-out classes: pixels, the backbone as it is, and trained runs, in one table.",
    )
    .option("--config-name <preset>", "preset that names backbone, size and data directory", "demo")
    .option("--data-dir <dir>", "folder with retrieval/queries.csv and retrieval/index.csv")
    .option("--run <name...>", "the same as naming the runs as words");
  command
    .option(
      "--compare",
      "confidence intervals, and differences from the first model with theirs (bootstrap over classes)",
    )
    .option(
      "--by-dataset",
      "with --compare: also the queries of each data set, in all and in their own index",
    )
    .option("--seed <n>", "with --compare: of the bootstrap", "0")
    .option("--confusion", "of each model: which data sets its wrong nearest neighbours come from");
  runs<EvaluateOptions>(
    command,
    (options, words) => {
      const models = [...words, ...(options.run ?? [])];
      if (options.confusion) return confuse(options, models);
      return options.compare ? compare(options, models) : evaluate(options, models);
    },
    [
      { of: ["--by-dataset", "--seed"], needs: ["--compare"] },
      { of: ["--confusion"], without: "--compare", next: "Ask for the two tables one after the other." },
    ],
  );
}

/** A table a model: rows are the queries' data sets, columns those of the wrong nearest neighbours. */
async function confuse(options: EvaluateOptions, models: readonly string[]): Promise<CommandResult> {
  if (models.length === 0)
    throw new UserError("--confusion needs a model to look at.", "npx guie evaluate RUN --confusion");
  const confusions: Record<string, DatasetConfusion[]> = {};
  const texts: string[] = [];
  for (const model of models) {
    const rows = await confusionOnHeldOut(configOf(options), model, terminalProgress());
    confusions[model] = rows;
    const cells = confusionTable(rows);
    texts.push(`${model}\n${textTable(Object.keys(cells[0]!), cells.map(Object.values))}`);
  }
  const note =
    "count: queries; wrong: those whose nearest neighbour is of another class; then the data sets of these neighbours.";
  return { text: `${texts.join("\n\n")}\n${note}`, summary: { confusions } };
}

async function compare(options: EvaluateOptions, models: readonly string[]): Promise<CommandResult> {
  const config = configOf(options);
  if (models.length === 0)
    throw new UserError("--compare needs the models to compare.", "npx guie evaluate backbone RUN --compare");
  const all = await compareOnHeldOut(
    config,
    models,
    { seed: wholeNumberOf("--seed", options.seed) },
    terminalProgress(),
  );
  const rows = options.byDataset ? all : all.filter(({ dataset }) => dataset === ALL_DATASETS);
  const cells = comparisonTable(rows);
  const note =
    "[low, high]: 95 % by bootstrap over classes; *: the difference from the first is not zero by it.";
  const text = `${textTable(Object.keys(cells[0]!), cells.map(Object.values))}\n${note}`;
  return { text, summary: { rows } };
}

/** The ladder: pixels and the backbone are on it in any case. */
async function evaluate(options: EvaluateOptions, models: readonly string[]): Promise<CommandResult> {
  const config = configOf(options);
  const runNames =
    models.length > 0
      ? models.filter((name) => !isUntrained(name))
      : listRuns().filter((name) => readRunConfig(runFolder(name)).configName === config.configName);
  if (runNames.length === 0 && models.length === 0)
    throw new UserError(`There is no trained run of "${config.configName}".`, "npx guie train --help");
  const rungs = await climbLadder(
    config,
    Object.fromEntries(withBaselines(runNames).map((name) => [name, name])),
    terminalProgress(),
  );
  return { text: ladderText(rungs), summary: ladderSummary(rungs) };
}

/** A fine-tuned run is shown behind the run that it started from, named or not. */
function withBaselines(names: readonly string[]): string[] {
  const all = names.flatMap((name) => {
    const baseline = baselineOfRun(name);
    return baseline ? [baseline.run, name] : [name];
  });
  return [...new Set(all)];
}

function configOf({ configName, dataDir }: EvaluateOptions): Readonly<TrainConfig> {
  return overrideConfig(preset(configName, "frozen"), dataDir ? { dataDir } : {});
}

/** The ladder as aligned text. */
function ladderText(rungs: readonly LadderRung[]): string {
  const width = Math.max(...rungs.map((rung) => rung.name.length));
  const lines = rungs.map(
    (rung) => `${rung.name.padEnd(width)}  ${rung.mp5.toFixed(3)}  ${rung.r1.toFixed(3)}`,
  );
  const { queries, queriesWithoutMatch, queriesInIndex } = rungs[0]!;
  const counted = [
    `${queries} queries of held-out classes`,
    ...(queriesWithoutMatch ? [`${queriesWithoutMatch} without a match left out`] : []),
    ...(queriesInIndex ? [`${queriesInIndex} of all stand in the index: none finds itself`] : []),
  ].join(", ");
  return [`${"".padEnd(width)}  mP@5   R@1`, ...lines, counted].join("\n");
}

/** `{ mp5: { pixels, backbone, ... }, r1: { ... } }`. */
function ladderSummary(rungs: readonly LadderRung[]): {
  mp5: Record<string, number>;
  r1: Record<string, number>;
} {
  return {
    mp5: Object.fromEntries(rungs.map((rung) => [rung.name, rung.mp5])),
    r1: Object.fromEntries(rungs.map((rung) => [rung.name, rung.r1])),
  };
}
