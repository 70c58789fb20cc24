// `guie evaluate`: scores models on held-out classes.
import { type Command, Option } from "commander";
import { UserError } from "../../common/errors";
import { terminalProgress } from "../../common/progress";
import { textTable } from "../../common/text_table";
import { confusionOnHeldOut } from "../../experiments/compare";
import { climbLadder, isUntrained, type LadderRung, scoredOnHeldOut } from "../../experiments/ladder";
import { type RerankRow, rerankOnHeldOut, rerankTable } from "../../experiments/rerank";
import { VIEWS } from "../../images/loading/views";
import { CODE_BITS } from "../../retrieval/coded/levels";
import { confusionTable, type DatasetConfusion } from "../../retrieval/confusion";
import { describeRerankings, parseReranking, RERANK_NAMES } from "../../retrieval/reranking/methods";
import { baselineOfRun } from "../../runs/baseline";
import type { ScoredOn } from "../../runs/metrics";
import { listRuns, readRunConfig, runFolder } from "../../runs/run_folder";
import { scoredOnText, scoreMark, trainedOnText } from "../../runs/scored_on";
import { type CommandResult, setAction } from "../shared/command";
import { valuesOf, wholeNumbersOf, wordsOf } from "../shared/numbers";
import { addRenamed } from "../shared/renamed";
import { addSourceFlags, SOURCE_FLAGS } from "../shared/source_flags";
import { type CompareOptions, compare } from "./compare";
import { addHeldOutFlags, heldOutConfig, SCORED_MODELS } from "./held_out";
import { type ThresholdOptions, threshold } from "./threshold";

interface EvaluateOptions extends CompareOptions, ThresholdOptions {
  compare?: boolean;
  confusion?: boolean;
  prefixes?: string;
  rerank?: string | true;
  views?: string;
  codeBits?: string;
  threshold?: boolean;
}

/** Registers `guie evaluate MODEL...`: the ladder on held-out classes: pixels, backbone, whitened, LDA, trained runs. */
export function registerEvaluate(program: Command): void {
  const command = program
    .command("evaluate")
    .argument("[model...]", `models to score: ${SCORED_MODELS} (default: the preset's own runs)`)
    .description(
      "Score retrieval on held-out classes: pixels, the untrained backbone, plain, whitened and as LDA, and trained runs, in " +
        "one table. `guie compare` " +
        "adds confidence intervals.",
    );
  addHeldOutFlags(command);
  command.option("--confusion", "show for each model which data sets its wrong nearest neighbours come from");
  command.option(
    "--prefixes <list>",
    "also score the first numbers of each vector, for example 8,16,32 (default: those that a run was trained for, setting matryoshka)",
  );
  command.option(
    "--rerank [ways]",
    `compare ways to search the same vectors, each a sum of ${RERANK_NAMES.join(", ")}, for example ` +
      "whiten+dba+alpha_qe,k_reciprocal; without WAYS the usual ones",
  );
  command.option(
    "--views <list>",
    `with --rerank: also search by several views of each query, kinds of ${VIEWS.join(", ")}; the index's rows stay as they are`,
  );
  command.option(
    "--code-bits <list>",
    `with --rerank: also search codes of so many bits a number (${CODE_BITS.join(", ")}), the best rows scored anew`,
  );
  command
    .option(
      "--threshold",
      "from which score on is a hit the same object? The verdict is kept with the index, for guie find and guie serve",
    )
    .option(
      "--in <photos>",
      "the index: photos with classes, or a folder of guie embed --out (default: the held-out classes)",
    )
    .option("--rate <share>", "promised share of false accepts (default: 0.01)")
    .option("--unknown <share>", "share of your queries that have nothing in the index (default: 0.5)");
  addSourceFlags(command);
  addRenamed(command, "--run <name...>", "a word: guie evaluate MODEL...", "words");
  addRenamed(command, "--compare", "guie compare", "itself");
  command
    .addOption(new Option("--by-dataset").hideHelp())
    .addOption(new Option("--seed <n>").default("0").hideHelp());
  setAction<EvaluateOptions>(
    command,
    (options, models) => {
      if (options.threshold) return threshold(options, models);
      if (options.confusion) return confuse(options, models);
      if (options.rerank) return rerank(options, options.rerank, models);
      return options.compare ? compare(options, models) : evaluate(options, models);
    },
    [
      {
        options: ["--by-dataset", "--seed"],
        needs: ["--compare"],
        next: "Use guie compare.",
      },
      { options: ["--prefixes"], without: "--confusion", next: "Make the two tables one after the other." },
      {
        options: ["--prefixes"],
        without: "--compare",
        next: "guie compare has whole vectors only: use guie evaluate.",
      },
      { options: ["--confusion"], without: "--compare", next: "Make the two tables one after the other." },
      { options: ["--rerank"], without: "--compare", next: "Make the two tables one after the other." },
      { options: ["--rerank"], without: "--prefixes", next: "Make the two tables one after the other." },
      { options: ["--rerank"], without: "--confusion", next: "Make the two tables one after the other." },
      {
        options: ["--views", "--code-bits"],
        needs: ["--rerank"],
        next: "Add --rerank: its table compares ways to search.",
      },
      { options: ["--in", "--rate", "--unknown"], needs: ["--threshold"] },
      { options: SOURCE_FLAGS, needs: ["--in"] },
      { options: ["--threshold"], without: "--compare", next: "Make the two tables one after the other." },
      { options: ["--threshold"], without: "--rerank", next: "Make the two tables one after the other." },
      { options: ["--threshold"], without: "--prefixes", next: "Make the two tables one after the other." },
      { options: ["--threshold"], without: "--confusion", next: "Make the two tables one after the other." },
    ],
  );
}

/** Makes a table per model: rows are the queries' data sets, columns those of the wrong nearest neighbours. */
async function confuse(options: EvaluateOptions, models: readonly string[]): Promise<CommandResult> {
  if (models.length === 0)
    throw new UserError("--confusion needs a model.", "npx guie evaluate MODEL --confusion");
  const confusions: Record<string, DatasetConfusion[]> = {};
  const texts: string[] = [];
  for (const model of models) {
    const rows = await confusionOnHeldOut(heldOutConfig(options), model, { onProgress: terminalProgress() });
    confusions[model] = rows;
    const cells = confusionTable(rows);
    const on = await scoredOnHeldOut(heldOutConfig(options), model);
    const about = [scoredOnText(on), trainedOnText(on)].filter((text) => text !== "");
    texts.push(
      `${model}\n${textTable(Object.keys(cells[0]!), cells.map(Object.values))}\n${about.join("; ")}`,
    );
  }
  const note =
    "count: queries; wrong: queries whose nearest neighbour is of another class; then the data sets of these neighbours.";
  return { text: `${texts.join("\n\n")}\n${note}`, summary: { confusions } };
}

/** Makes a table per model: ways to search its vectors. */
async function rerank(
  options: EvaluateOptions,
  ways: string | true,
  models: readonly string[],
): Promise<CommandResult> {
  if (models.length === 0) throw new UserError("--rerank needs a model.", "npx guie evaluate MODEL --rerank");
  const views = valuesOf("--views", options.views ?? "", VIEWS);
  const codeBits = valuesOf("--code-bits", options.codeBits ?? "", CODE_BITS);
  const chosen = { views, codeBits, ...(ways === true ? {} : { ways: wordsOf(ways).map(parseReranking) }) };
  const rerankings: Record<string, RerankRow[]> = {};
  const texts: string[] = [];
  for (const model of models) {
    const rows = await rerankOnHeldOut(heldOutConfig(options), model, {
      ...chosen,
      onProgress: terminalProgress(),
    });
    rerankings[model] = rows;
    const cells = rerankTable(rows);
    texts.push(`${model}\n${textTable(Object.keys(cells[0]!), cells.map(Object.values))}`);
  }
  const notes = [
    scoredOnText(await scoredOnHeldOut(heldOutConfig(options), models[0])),
    "gain: against the plain search, with the 95 % interval of a paired bootstrap over classes; *: it excludes zero.",
    ...(views.length > 0
      ? ["views, passes: a query is the mean of so many forward passes of the model."]
      : []),
    "The competition's metric sees queries alone: it knows none of these methods.",
    ...describeRerankings(),
  ];
  return { text: [...texts, notes.join("\n")].join("\n\n"), summary: { rerankings } };
}

/** Makes the ladder; the rungs without training are always on it. */
async function evaluate(options: EvaluateOptions, models: readonly string[]): Promise<CommandResult> {
  const config = heldOutConfig(options);
  const names =
    models.length > 0
      ? models.filter((name) => !isUntrained(name))
      : listRuns().filter((name) => readRunConfig(runFolder(name)).configName === config.configName);
  if (names.length === 0 && models.length === 0)
    throw new UserError(`There is no trained run of "${config.configName}".`, "npx guie train --help");
  const rungs = await climbLadder(
    config,
    Object.fromEntries(withBaselines(names).map((name) => [name, name])),
    { onProgress: terminalProgress(), prefixes: prefixesOf(options) },
  );
  return { text: ladderText(rungs), summary: ladderSummary(rungs) };
}

function prefixesOf({ prefixes }: EvaluateOptions): number[] | undefined {
  return prefixes === undefined ? undefined : wholeNumbersOf("--prefixes", prefixes, 1);
}

/** Returns the runs, each fine-tuned one after the run that it started from. */
function withBaselines(names: readonly string[]): string[] {
  const all = names.flatMap((name) => {
    const baseline = baselineOfRun(name);
    return baseline ? [baseline.run, name] : [name];
  });
  return [...new Set(all)];
}

/** Returns the ladder as aligned text. */
function ladderText(rungs: readonly LadderRung[]): string {
  const rows = rungs.flatMap(({ name, mp5, r1, on, prefixes = [] }) => [
    { name, mp5, r1, on },
    ...prefixes.map(({ length, ...scores }) => ({ name: `  first ${length}`, ...scores, on })),
  ]);
  const width = Math.max(...rows.map((row) => row.name.length));
  const lines = rows.map(({ name, mp5, r1, on }) =>
    `${name.padEnd(width)}  ${mp5.toFixed(3)}${scoreMark(on).padEnd(1)} ${r1.toFixed(3)}${scoreMark(on)}`.trimEnd(),
  );
  const { queriesWithoutMatch, queriesInIndex, on } = rungs[0]!;
  const counted = [
    scoredOnText(on),
    ...(queriesWithoutMatch ? [`${queriesWithoutMatch} queries without a match left out`] : []),
    ...(queriesInIndex ? [`${queriesInIndex} of all queries are in the index: none finds itself`] : []),
  ].join("; ");
  return [`${"".padEnd(width)}  mP@5   R@1`, ...lines, counted, ...markNotes(rungs)].join("\n");
}

/** Returns notes such as "* demo_fine_tune: 11 of 14 classes were trained on", one per distinct note. */
function markNotes(rungs: readonly LadderRung[]): string[] {
  const names = new Map<string, string[]>();
  for (const { name, on } of rungs) {
    const note = trainedOnText(on);
    if (note !== "") names.set(note, [...(names.get(note) ?? []), name]);
  }
  const markOf = (note: string) => scoreMark(rungs.find(({ on }) => trainedOnText(on) === note)!.on);
  return [...names].map(([note, some]) => `${markOf(note)} ${some.join(", ")}: ${note}`);
}

/** Returns `{ mp5: { pixels, backbone, ... }, r1: { ... }, on: { ... }, prefixes: { ... } }`. */
function ladderSummary(rungs: readonly LadderRung[]): {
  mp5: Record<string, number>;
  r1: Record<string, number>;
  on: Record<string, ScoredOn>;
  prefixes?: Record<string, LadderRung["prefixes"]>;
} {
  const withPrefixes = rungs.filter(({ prefixes }) => prefixes !== undefined);
  return {
    mp5: Object.fromEntries(rungs.map((rung) => [rung.name, rung.mp5])),
    r1: Object.fromEntries(rungs.map((rung) => [rung.name, rung.r1])),
    on: Object.fromEntries(rungs.map((rung) => [rung.name, rung.on])),
    ...(withPrefixes.length > 0 && {
      prefixes: Object.fromEntries(withPrefixes.map(({ name, prefixes }) => [name, prefixes])),
    }),
  };
}
