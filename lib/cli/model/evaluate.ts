// `guie evaluate`: scores a run on its validation set and on held-out classes.
import type { Command } from "commander";
import { UserError } from "../../common/errors";
import { terminalProgress } from "../../common/progress";
import { textTable } from "../../common/text_table";
import { overrideConfig } from "../../config/config";
import { preset } from "../../config/presets";
import { compareOnHeldOut, confusionOnHeldOut } from "../../experiments/compare";
import { climbLadder, isUntrained, type LadderRung, scoredOnHeldOut } from "../../experiments/ladder";
import { comparisonTable, trainedOnNote } from "../../retrieval/comparison_table";
import { confusionTable, type DatasetConfusion } from "../../retrieval/confusion";
import { ALL_DATASETS } from "../../retrieval/evaluation";
import { baselineOfRun } from "../../runs/baseline";
import type { ScoredOn } from "../../runs/metrics";
import { listRuns, readRunConfig, runFolder } from "../../runs/run_folder";
import { scoredOnText, scoreMark, trainedOnText } from "../../runs/scored_on";
import { type CommandResult, runs } from "../shared/command";
import { wholeNumberOf } from "../shared/numbers";

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
    const rows = await confusionOnHeldOut(configOf(options), model, { onProgress: terminalProgress() });
    confusions[model] = rows;
    const cells = confusionTable(rows);
    const on = await scoredOnHeldOut(configOf(options).dataDir, model);
    const about = [scoredOnText(on), trainedOnText(on)].filter((text) => text !== "");
    texts.push(
      `${model}\n${textTable(Object.keys(cells[0]!), cells.map(Object.values))}\n${about.join("; ")}`,
    );
  }
  const note =
    "count: queries; wrong: those whose nearest neighbour is of another class; then the data sets of these neighbours.";
  return { text: `${texts.join("\n\n")}\n${note}`, summary: { confusions } };
}

async function compare(options: EvaluateOptions, models: readonly string[]): Promise<CommandResult> {
  const config = configOf(options);
  if (models.length === 0)
    throw new UserError("--compare needs the models to compare.", "npx guie evaluate backbone RUN --compare");
  const all = await compareOnHeldOut(config, models, {
    seed: wholeNumberOf("--seed", options.seed),
    onProgress: terminalProgress(),
  });
  const rows = options.byDataset ? all : all.filter(({ dataset }) => dataset === ALL_DATASETS);
  const cells = comparisonTable(rows);
  const note =
    `${scoredOnText(await scoredOnHeldOut(config.dataDir))}\n` +
    "[low, high]: 95 % by bootstrap over classes; *: the difference from the first is not zero by it." +
    trainedOnNote(rows);
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
    { onProgress: terminalProgress() },
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

function configOf({ configName, dataDir }: EvaluateOptions) {
  return overrideConfig(preset(configName, "frozen"), dataDir ? { dataDir } : {});
}

/** The ladder as aligned text. */
function ladderText(rungs: readonly LadderRung[]): string {
  const width = Math.max(...rungs.map((rung) => rung.name.length));
  const lines = rungs.map(({ name, mp5, r1, on }) =>
    `${name.padEnd(width)}  ${mp5.toFixed(3)}${scoreMark(on).padEnd(1)} ${r1.toFixed(3)}${scoreMark(on)}`.trimEnd(),
  );
  const { queriesWithoutMatch, queriesInIndex, on } = rungs[0]!;
  const counted = [
    scoredOnText(on),
    ...(queriesWithoutMatch ? [`${queriesWithoutMatch} queries without a match left out`] : []),
    ...(queriesInIndex ? [`${queriesInIndex} of all stand in the index: none finds itself`] : []),
  ].join("; ");
  return [`${"".padEnd(width)}  mP@5   R@1`, ...lines, counted, ...markNotes(rungs)].join("\n");
}

/** "* demo_fine_tune: 11 of 14 classes were trained on", once for all rungs of which the same is said. */
function markNotes(rungs: readonly LadderRung[]): string[] {
  const names = new Map<string, string[]>();
  for (const { name, on } of rungs) {
    const note = trainedOnText(on);
    if (note !== "") names.set(note, [...(names.get(note) ?? []), name]);
  }
  const markOf = (note: string) => scoreMark(rungs.find(({ on }) => trainedOnText(on) === note)!.on);
  return [...names].map(([note, some]) => `${markOf(note)} ${some.join(", ")}: ${note}`);
}

/** `{ mp5: { pixels, backbone, ... }, r1: { ... }, on: { ... } }`. */
function ladderSummary(rungs: readonly LadderRung[]): {
  mp5: Record<string, number>;
  r1: Record<string, number>;
  on: Record<string, ScoredOn>;
} {
  return {
    mp5: Object.fromEntries(rungs.map((rung) => [rung.name, rung.mp5])),
    r1: Object.fromEntries(rungs.map((rung) => [rung.name, rung.r1])),
    on: Object.fromEntries(rungs.map((rung) => [rung.name, rung.on])),
  };
}
