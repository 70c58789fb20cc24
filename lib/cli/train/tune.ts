// `guie tune`: compares settings in short runs with several seeds.
import { relative } from "node:path";
import { type Command, Option } from "commander";
import { UserError } from "../../common/errors";
import { Interrupted } from "../../common/interrupt";
import { terminalProgress } from "../../common/progress";
import { projectRoot } from "../../common/project";
import { textTable } from "../../common/text_table";
import { overrideConfig, type SettingName } from "../../config/config";
import type { Stage } from "../../config/run";
import { describeDevice } from "../../engine/native/device";
import { planSweep, runSweep, type SweepRun, sweepNotes } from "../../experiments/sweep";
import {
  CHOICE_SHARE,
  parseVariation,
  planSearch,
  type SearchRow,
  searchRows,
  settingsText,
  writeSearch,
} from "../../experiments/tune";
import type { ChoiceClasses } from "../../training/data/choice_classes";
import { type CommandResult, setAction } from "../shared/command";
import { addConfigFlags, type ConfigOptions, configOf, FLAGGED, flagOverrides } from "../shared/config_flags";
import { finishBeforeStopping, stoppedCode } from "../shared/exit_guard";
import { wholeNumberOf } from "../shared/numbers";
import { noticeRenamed } from "../shared/renamed";
import type { Use } from "../shared/usage";

interface TuneOptions extends ConfigOptions {
  stage?: Stage;
  vary?: string[];
  together?: boolean;
  seeds: string;
  chooseOn: ChoiceClasses;
  name?: string;
}

/** Registers `guie tune`: many runs over settings and seeds, in one table; a killed one resumes. */
export function registerTune(program: Command): void {
  const command = program.command("tune");
  addTuneFlags(command);
  setAction<TuneOptions>(command, tune, USES);
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
      return tune(options);
    },
    USES,
  );
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
      "Compare settings in many runs, on cached features (seconds per run) or by fine-tuning: each variation alone, or " +
        "all combinations (--together), with every seed. Runs go to checkpoints/<name>/, the table to search.csv there. " +
        "Runs are scored on a share of the training classes that they do not learn; each seed draws other classes.",
    )
    .addOption(
      new Option("--stage <stage>", "the stage to train").choices(["frozen", "fine_tune"]).default("frozen"),
    )
    .option(
      "--vary <setting=values...>",
      "settings and the values to try: --vary margin=0.2,0.3 lastBlocks=1,4 neck=simple,norm_single_linear",
    )
    .option("--together", "try every combination of all variations")
    .option("--seeds <list>", "seeds, separated by commas", "999")
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

async function tune(options: TuneOptions): Promise<CommandResult> {
  refuseOwnSettings(options);
  const config = choosing(options);
  const name = options.name ?? `${config.configName}_search_${config.stage}`;
  const seeds = options.seeds.split(",").map((seed) => wholeNumberOf("--seeds", seed));
  const starts = startsAnew(options) ? planStarts(options, name, seeds) : [];
  const planned = planSearch(config, (options.vary ?? []).map(parseVariation), {
    name,
    seeds,
    together: options.together ?? false,
    ...(starts.length > 0
      ? { startOf: (seed) => relative(projectRoot(), starts[seeds.indexOf(seed)]!.folder) }
      : {}),
  });
  const signal = finishBeforeStopping("the step under way, then saving");
  process.stderr.write(`${describeDevice()}\n${planned.length} runs\n`);
  const stopped =
    (await runUntilStopped(starts, name, signal)) || (await runUntilStopped(planned, name, signal));
  const rows = searchRows(planned);
  const [start] = searchRows(starts);
  const path = await writeSearch(name, rows);
  const goesOn = stopped ? "stopped: the same command resumes\n" : "";
  const failed = [...starts, ...planned].filter(({ state }) => state === "failed");
  const notes = sweepNotes(planned).map((note) => `${note}\n`);
  const text = `${tableText(rows)}\n${notes.join("")}${startText(start)}${failureText(failed)}${goesOn}${path}`;
  const summary = { name, stopped, failed: failed.length, rows, start, path };
  return { text, summary, exitCode: failed.length > 0 ? 1 : stopped ? stoppedCode() : 0 };
}

/** Returns the count of failed runs, which are missing in the table, and the first one's reason. */
function failureText(failed: readonly SweepRun[]): string {
  const [first] = failed;
  if (!first) return "";
  return `${failed.length} failed: the first, ${settingsText(first.settings)}: ${first.message}\n`;
}

/** Refuses --set seed=... and --set runName=... @throws UserError */
function refuseOwnSettings(options: TuneOptions): void {
  const given = Object.keys(flagOverrides(options)).find((name) => (OWN_SETTINGS as string[]).includes(name));
  if (given) throw new UserError(`--set ${given}: guie tune sets it itself.`, "See --seeds and --name.");
}

/** Returns the scores of the frozen runs that fine-tuning started from. */
function startText(start: SearchRow | undefined): string {
  if (start?.mp5 === undefined) return "";
  const { mp5, spread, r1 } = start;
  return `started from frozen runs: mP@5 ${digits(mp5)}, spread ${digits(spread) || "-"}, R@1 ${digits(r1)}\n`;
}

const digits = (value: number | undefined) => value?.toFixed(3) ?? "";

/** Returns the config of the options, with training classes held out to choose by. */
function choosing(options: TuneOptions) {
  const config = configOf(options);
  if (options.chooseOn === "held-out-classes" || config.holdOutShare > 0) return config;
  return overrideConfig(config, { holdOutShare: CHOICE_SHARE });
}

/** Returns whether fine-tuning needs its own frozen runs: no start was given, and the preset's holds out no class. */
function startsAnew(options: TuneOptions): boolean {
  return options.stage === "fine_tune" && flagOverrides(options).initFrom === undefined;
}

/** Plans the frozen run of each seed that fine-tuning starts from, with the same classes held out. */
function planStarts(options: TuneOptions, name: string, seeds: readonly number[]): SweepRun[] {
  const frozen = choosing({ ...options, stage: "frozen" });
  return planSweep(frozen, { seed: seeds }, `${name}_frozen`);
}

/** Runs the planned runs. @returns whether an abort ended them */
async function runUntilStopped(planned: SweepRun[], name: string, signal: AbortSignal): Promise<boolean> {
  const work = runSweep(planned, {
    signal,
    onRun: ({ settings, state, mp5, message }) => {
      if (state === "running") return;
      const score = mp5 === undefined ? (message ?? "") : `mP@5 ${mp5.toFixed(3)}`;
      process.stderr.write(`${settingsText(settings)}: ${state} ${score}\n`);
    },
    onProgress: process.stderr.isTTY ? terminalProgress() : undefined,
    advice: `Choose another --name, or delete checkpoints/${name} and the runs that it started from, checkpoints/${name}_frozen.`,
  });
  try {
    await work;
    return false;
  } catch (error) {
    if (error instanceof Interrupted) return true;
    throw error;
  }
}

function tableText(rows: readonly SearchRow[]): string {
  return textTable(
    ["settings", "runs", "mP@5", "spread", "R@1", "top-1", "s"],
    rows.map((row) => [
      settingsText(row.settings),
      row.runs,
      digits(row.mp5),
      digits(row.spread),
      digits(row.r1),
      digits(row.top1),
      row.seconds?.toFixed(0) ?? "",
    ]),
  );
}
