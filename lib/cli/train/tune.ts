// `guie tune`: compares settings in short runs with several seeds.
import { type Command, Option } from "commander";
import { UserError } from "../../common/errors";
import { terminalProgress } from "../../common/progress";
import { textTable } from "../../common/text_table";
import { TimeLimit } from "../../common/time_limit";
import type { SettingName } from "../../config/config";
import type { Stage } from "../../config/run";
import { describeDevice } from "../../engine/native/device";
import type { SearchRequest, SearchStage } from "../../experiments/search_plan";
import { nameOf, searchNotes, searchTable, TABLE_NOTE } from "../../experiments/search_report";
import type { SweepRun } from "../../experiments/sweep";
import { choosing, runSearch, type SearchResult } from "../../experiments/tune";
import { parseVariation } from "../../experiments/variations";
import type { ChoiceClasses } from "../../training/data/choice_classes";
import { type CommandResult, setAction } from "../shared/command";
import { commandLine } from "../shared/command_line";
import {
  addConfigFlags,
  type ConfigOptions,
  configOf,
  FLAGGED,
  flagOverrides,
  refuseUselessSettings,
} from "../shared/config_flags";
import { finishBeforeStopping, stoppedCode } from "../shared/exit_guard";
import { numberOf, wholeNumbersOf } from "../shared/numbers";
import { noticeRenamed } from "../shared/renamed";
import type { Use } from "../shared/usage";

interface TuneOptions extends Omit<ConfigOptions, "stage"> {
  stage: SearchStage;
  vary?: string[];
  together?: boolean;
  seeds: string;
  minutes?: string;
  chooseOn: ChoiceClasses;
  name?: string;
}

/** Registers `guie tune`: many runs over settings and seeds, in one table; a killed one resumes. */
export function registerTune(program: Command): void {
  const command = program.command("tune");
  addTuneFlags(command);
  setAction<TuneOptions>(command, (options) => tune(options, typedLine(command)), USES);
}

/** Registers `guie search`: the hidden old name of `guie tune`; other commands search photos. */
export function registerSearch(program: Command): void {
  const command = program.command("search [photos...]", { hidden: true });
  addTuneFlags(command);
  setAction<TuneOptions>(
    command,
    (options, [photos]) => {
      if (photos !== undefined) throw searchOf(photos);
      noticeRenamed("guie search", "guie tune");
      return tune(options, typedLine(command));
    },
    USES,
  );
}

function typedLine(command: Command): string {
  return commandLine(command, ["--json", "--minutes"]).replace(/^npx guie search/, "npx guie tune");
}

function searchOf(photos: string): UserError {
  return new UserError(
    `guie search compared settings, and is now guie tune; it takes no photos, got ${photos}.`,
    `To search photos: npx guie serve ${photos}; to embed them: npx guie embed ${photos} --out FOLDER`,
  );
}

const USES: readonly Use[] = [{ options: ["--together"], needs: ["--vary"] }];

function addTuneFlags(command: Command): void {
  command
    .description(
      "Compare settings in many runs with several seeds: each variation alone, or all combinations (--together), against " +
        "the settings as they are, seed by seed, with a 95 % interval. Runs go to checkpoints/<name>/, the table to " +
        "search.csv and search.md there; after a kill the same command goes on. Runs are scored on a share of the " +
        "training classes that they do not learn; each seed draws other classes.",
    )
    .addOption(
      new Option(
        "--stage <stage>",
        "the stage to vary; frozen: on cached features, seconds per run; fine_tune: from a frozen run of each seed; " +
          "both: settings change the frozen run and the fine-tuning, frozen.NAME=... and fine_tune.NAME=... one of them",
      )
        .choices(["frozen", "fine_tune", "both"])
        .default("frozen"),
    )
    .option(
      "--vary <setting=values...>",
      'settings and the values to try, numbers, words or JSON: --vary margin=0.2,0.3 neck=simple,norm_single_linear; "s=16 margin=0" changes both at once',
    )
    .option("--together", "try every combination of all variations")
    .option("--seeds <list>", "seeds, separated by commas", "999")
    .option(
      "--minutes <n>",
      "longest time: what would not end in it, by the times of earlier runs, is named and left for the same command",
    )
    .addOption(
      new Option(
        "--choose-on <classes>",
        "classes to score on. training-classes: a share of them is held out (setting holdOutShare, 0.2); " +
          "held-out-classes: those of retrieval/, which can then no longer serve to report the result",
      )
        .choices(["training-classes", "held-out-classes"])
        .default("training-classes"),
    )
    .option("--name <name>", "folder in checkpoints/ (default: <preset>_search_<stage>)");
  addConfigFlags(
    command,
    FLAGGED.filter((setting) => !OWN_SETTINGS.includes(setting)),
  );
}

/** Settings that the command itself sets for its runs: by --name and --seeds. */
const OWN_SETTINGS: readonly SettingName[] = ["runName", "seed"];

async function tune(options: TuneOptions, command: string): Promise<CommandResult> {
  refuseOwnSettings(options);
  const request = requestOf(options);
  const { minutes } = options;
  const limit = minutes === undefined ? undefined : new TimeLimit(minutesOf(minutes));
  const result = await runSearch(request, {
    command,
    limit,
    signal: finishBeforeStopping("the step under way, then saving"),
    onPlan: ({ runs }) => process.stderr.write(`${describeDevice()}\n${runs.length} runs\n`),
    onRun: sayRun,
    onProgress: process.stderr.isTTY ? terminalProgress() : undefined,
  });
  return shown(result);
}

function minutesOf(text: string): number {
  const minutes = numberOf("--minutes", text);
  if (minutes >= 0) return minutes;
  throw new UserError(`--minutes takes a number from 0, got "${text}".`, "For example --minutes 30");
}

/** Returns what to search: training classes are held out to choose by, and fine-tuning trains its own frozen runs. */
function requestOf(options: TuneOptions): SearchRequest {
  const stages: Stage[] =
    options.stage === "frozen" ? ["frozen"] : startsAnew(options) ? ["frozen", "fine_tune"] : ["fine_tune"];
  refuseUselessSettings({ ...options, stage: stages.at(-1) }, stages);
  const configs = Object.fromEntries(stages.map((stage) => [stage, choiceConfig({ ...options, stage })]));
  const { configName } = configs[stages.at(-1)!]!;
  return {
    name: options.name ?? `${configName}_search_${options.stage}`,
    stage: options.stage,
    configs,
    variations: (options.vary ?? []).map(parseVariation),
    together: options.together ?? false,
    seeds: [...new Set(wholeNumbersOf("--seeds", options.seeds))],
  };
}

/** Refuses --set seed=... and --set runName=... @throws UserError */
function refuseOwnSettings(options: TuneOptions): void {
  const given = Object.keys(flagOverrides(options as ConfigOptions)).find((name) =>
    (OWN_SETTINGS as string[]).includes(name),
  );
  if (given) throw new UserError(`--set ${given}: guie tune sets it itself.`, "See --seeds and --name.");
}

/** Returns the config of the options, with training classes held out to choose by. */
function choiceConfig(options: TuneOptions & { stage: Stage }) {
  const config = configOf(options);
  return options.chooseOn === "held-out-classes" ? config : choosing(config);
}

/** Returns whether fine-tuning needs its own frozen runs: no start was given, and the preset's holds out no class. */
function startsAnew(options: TuneOptions): boolean {
  if (flagOverrides(options as ConfigOptions).initFrom === undefined) return true;
  if (options.stage !== "both") return false;
  throw new UserError(
    "--init-from: of no use with --stage both, which starts from the frozen run of each seed.",
    "Leave it out, or take --stage fine_tune.",
  );
}

/** Prints how a run ended, or why it is left. */
function sayRun(run: SweepRun): void {
  const { state, mp5, seconds, message, leftOut } = run;
  if (state === "running") return;
  const time = seconds === undefined ? "" : `, ${seconds.toFixed(0)} s`;
  const score = mp5 === undefined ? (message ?? "") : `mP@5 ${mp5.toFixed(3)}${time}`;
  process.stderr.write(`${nameOf(run)}: ${leftOut ? `left, ${leftOut}` : `${state} ${score}`}\n`);
}

function shown({ plan, rows, stopped, csv, markdown }: SearchResult): CommandResult {
  const { runs, request } = plan;
  const failed = runs.filter(({ state }) => state === "failed").length;
  const left = runs.filter(({ state }) => state === "waiting").length;
  const { titles, cells } = searchTable(rows);
  const lines = [
    textTable(titles, cells),
    TABLE_NOTE,
    ...searchNotes(plan),
    ...(stopped ? ["stopped"] : []),
    ...(left > 0 ? ["the same command goes on"] : []),
    csv,
    markdown,
  ];
  return {
    text: lines.join("\n"),
    summary: { name: request.name, stopped, failed, left, rows, path: csv, markdown },
    exitCode: failed > 0 ? 1 : stopped ? stoppedCode() : 0,
  };
}
