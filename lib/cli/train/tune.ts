// `guie search`: compares settings in short runs with several seeds.
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
import { type CommandResult, runs } from "../shared/command";
import { addConfigFlags, type ConfigOptions, configOf, FLAGGED, flagOverrides } from "../shared/config_flags";
import { finishBeforeStopping, stoppedCode } from "../shared/exit_guard";
import { wholeNumberOf } from "../shared/numbers";
import { sayRenamed } from "../shared/renamed";
import type { Use } from "../shared/usage";

interface TuneOptions extends ConfigOptions {
  stage?: Stage;
  vary?: string[];
  together?: boolean;
  seeds: string;
  chooseOn: ChoiceClasses;
  name?: string;
}

/** `guie tune`: many runs over settings and seeds, in one table; killed and started again, it goes on. */
export function registerTune(program: Command): void {
  const command = program.command("tune");
  addTuneFlags(command);
  runs<TuneOptions>(command, tune, USES);
}

/** `guie search`: the old name of `guie tune`, hidden; pictures are searched by other commands. */
export function registerSearch(program: Command): void {
  const command = program.command("search [photos...]", { hidden: true });
  addTuneFlags(command);
  runs<TuneOptions>(
    command,
    (options, [photos]) => {
      if (photos !== undefined) throw searchOf(photos);
      sayRenamed("guie search", "guie tune");
      return tune(options);
    },
    USES,
  );
}

function searchOf(photos: string): UserError {
  return new UserError(
    `guie search tried settings, and is now guie tune; it takes no picture or folder, got ${photos}.`,
    `To search pictures: npx guie serve ${photos}; their vectors: npx guie embed ${photos} --out FOLDER`,
  );
}

const USES: readonly Use[] = [{ of: ["--together"], needs: ["--vary"] }];

function addTuneFlags(command: Command): void {
  command
    .description(
      "Try settings, on cached features (seconds a run) or by fine-tuning: each variation alone, or all combinations " +
        "(--together), with every seed. Runs stay in checkpoints/<name>/, the table in search.csv there. Runs are scored " +
        "on a share of the training classes, which they do not learn; each seed draws others.",
    )
    .addOption(
      new Option("--stage <stage>", "what is trained").choices(["frozen", "fine_tune"]).default("frozen"),
    )
    .option(
      "--vary <setting=values...>",
      "for example --vary margin=0.2,0.3 lastBlocks=1,4 neck=simple,norm_single_linear",
    )
    .option("--together", "every combination of all variations")
    .option("--seeds <list>", "seeds, separated by commas", "999")
    .addOption(
      new Option(
        "--choose-on <classes>",
        "training-classes: a share of them is held out (setting holdOutShare, 0.2); held-out-classes: those of " +
          "retrieval/, by which the result can then no longer be reported",
      )
        .choices(["training-classes", "held-out-classes"])
        .default("training-classes"),
    )
    .option("--name <name>", "folder below checkpoints/ (default: <preset>_search_<stage>)");
  addConfigFlags(
    command,
    FLAGGED.filter((setting) => !OWN_SETTINGS.includes(setting)),
  );
}

/** Settings that a search gives to its runs: by --name, by --seeds. */
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
  const goesOn = stopped ? "stopped: the same command goes on\n" : "";
  const failed = [...starts, ...planned].filter(({ state }) => state === "failed");
  const notes = sweepNotes(planned).map((note) => `${note}\n`);
  const text = `${tableText(rows)}\n${notes.join("")}${startText(start)}${failureText(failed)}${goesOn}${path}`;
  const summary = { name, stopped, failed: failed.length, rows, start, path };
  return { text, summary, exitCode: failed.length > 0 ? 1 : stopped ? stoppedCode() : 0 };
}

/** Runs that are missing in the table, and the first one's reason. */
function failureText(failed: readonly SweepRun[]): string {
  const [first] = failed;
  if (!first) return "";
  return `${failed.length} failed: the first, ${settingsText(first.settings)}: ${first.message}\n`;
}

/** @throws UserError for --set seed=... and --set runName=... */
function refuseOwnSettings(options: TuneOptions): void {
  const given = Object.keys(flagOverrides(options)).find((name) => (OWN_SETTINGS as string[]).includes(name));
  if (given) throw new UserError(`--set ${given}: a search sets it itself.`, "See --seeds and --name.");
}

/** The frozen runs of all seeds, from which fine-tuning started. */
function startText(start: SearchRow | undefined): string {
  if (start?.mp5 === undefined) return "";
  const { mp5, spread, r1 } = start;
  return `started from frozen runs: mP@5 ${digits(mp5)}, spread ${digits(spread) || "-"}, R@1 ${digits(r1)}\n`;
}

const digits = (value: number | undefined) => value?.toFixed(3) ?? "";

/** The config that the options ask for, with classes to choose by. */
function choosing(options: TuneOptions) {
  const config = configOf(options);
  if (options.chooseOn === "held-out-classes" || config.holdOutShare > 0) return config;
  return overrideConfig(config, { holdOutShare: CHOICE_SHARE });
}

/** Whether fine-tuning has no run named to start from, or only the preset's, which is of one seed and holds out no class. */
function startsAnew(options: TuneOptions): boolean {
  return options.stage === "fine_tune" && flagOverrides(options).initFrom === undefined;
}

/** For each seed the frozen run that fine-tuning starts from, with the same classes held out. */
function planStarts(options: TuneOptions, name: string, seeds: readonly number[]): SweepRun[] {
  const frozen = choosing({ ...options, stage: "frozen" });
  return planSweep(frozen, { seed: seeds }, `${name}_frozen`);
}

/** @returns whether an abort ended it */
async function runUntilStopped(planned: SweepRun[], name: string, signal: AbortSignal): Promise<boolean> {
  const work = runSweep(planned, {
    signal,
    onRun: ({ settings, state, mp5, message }) => {
      if (state === "running") return;
      const score = mp5 === undefined ? (message ?? "") : `mP@5 ${mp5.toFixed(3)}`;
      process.stderr.write(`${settingsText(settings)}: ${state} ${score}\n`);
    },
    onProgress: process.stderr.isTTY ? terminalProgress() : undefined,
    advice: `Choose another --name, or delete checkpoints/${name} and what it started from, checkpoints/${name}_frozen.`,
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
