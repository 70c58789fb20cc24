// Sweeps in a notebook: a table that fills while runs train, and a figure of the results.
import { basename } from "node:path";
import { inspect } from "node:util";
import { UserError } from "../../common/errors";
import { escapeHtml } from "../../common/html";
import { Interrupted } from "../../common/interrupt";
import {
  describeProgress,
  formatSeconds,
  type ProgressReport,
  type TaskOptions,
} from "../../common/progress";
import type { SettingName } from "../../config/config";
import {
  bestRun,
  planSweep,
  runSweep,
  type SweepGrid,
  type SweepRun,
  sweepNotes,
} from "../../experiments/sweep";
import { inNotebook, newLiveDisplay } from "../output/display";
import type { Figure } from "../output/figure";
import { lineFigure } from "../output/plots";
import { printAs } from "../output/print_as";
import { barHtml } from "../output/progress";
import { tellRunner } from "../output/runner_progress";
import { type Table, tableOf, tableText } from "../output/table";
import { liveTableHtml, tableHtml } from "../output/table_html";

/** The result of a sweep. */
export interface SweepResult {
  runs: SweepRun[];
  /** Run with the highest mP@5 (top-1 if nothing is held out); undefined if none has finished. */
  best: SweepRun | undefined;
}

/** Shortest pause between updates. */
const PAUSE_MS = 500;

/**
 * Tries every combination of some settings on cached features, one run after another in this kernel, and shows a table
 * that fills in place; the best row is bold. Interrupt ends the sweep after the current step; the same cell resumes it,
 * and finished runs are not trained again. The runs stay in `checkpoints/<name>/`.
 *
 *     const { best } = await sweep(frozen, { initLr: [0.002, 0.01], margin: [0.3, 0.5] });
 *
 * @param config config of the stage `frozen` that all runs share
 * @param name the sweep's folder (default: the config's run name and "_sweep")
 * @throws UserError for an unknown setting or a value that does not fit; Interrupted
 * @example
 * const result = await sweep(preset("demo", "frozen"), { margin: [0.2, 0.3] }, { name: "margins" });
 */
export async function sweep(
  config: SweepRun["config"],
  grid: SweepGrid,
  { name = `${config.runName}_sweep`, signal }: { name?: string } & Pick<TaskOptions, "signal"> = {},
): Promise<SweepResult> {
  if (config.stage !== "frozen") {
    throw new UserError(
      `A sweep trains on cached features: it needs a config of the stage "frozen", got "${config.stage}".`,
      `guie.preset("${config.configName}", "frozen")`,
    );
  }
  const runs = planSweep(config, grid, name);
  const live = new LiveTable(runs, name);
  try {
    await runSweep(runs, {
      signal,
      onRun: () => live.beginRun(),
      onProgress: (report) => live.report(report),
      advice: `Give the sweep another name (in Experiments the parameter run; sweep(config, grid, { name: "..." })), or delete checkpoints/${name}.`,
    });
    live.end("");
  } catch (error) {
    live.end(error instanceof Interrupted ? "interrupted: run the cell again to resume" : "");
    throw error;
  }
  const best = runs[bestRun(runs)];
  return printAs({ runs, best }, best ? `best: ${inspect(best.settings)}` : "no run has finished");
}

/** Before the first report of a run. */
const NO_STAGE = { name: "", startedAtMs: 0, doneBefore: 0 };

/** The live table of a sweep. */
class LiveTable {
  readonly #runs: readonly SweepRun[];
  readonly #name: string;
  readonly #display = newLiveDisplay();
  #shownAtMs = 0;
  /** Progress of the current run. */
  #now = "";
  #stage = NO_STAGE;

  constructor(runs: readonly SweepRun[], name: string) {
    this.#runs = runs;
    this.#name = name;
  }

  /** Redraws the table for a new run. */
  beginRun(): void {
    this.#now = "";
    this.#stage = NO_STAGE;
    this.#draw();
  }

  /** Takes a progress report, and redraws the table if the pause is over. */
  report(report: ProgressReport): void {
    const nowMs = performance.now();
    const { stage: name, done: doneBefore } = report;
    if (name !== this.#stage.name) this.#stage = { name, startedAtMs: nowMs, doneBefore };
    this.#now = describeProgress(report, this.#stage, nowMs);
    if (nowMs - this.#shownAtMs >= PAUSE_MS) this.#draw();
  }

  /** Draws the final table. @param note reason why the sweep did not finish, or "" */
  end(note: string): void {
    this.#now = note;
    this.#draw(true);
  }

  #draw(isEnd = false): void {
    const runs = this.#runs;
    this.#shownAtMs = performance.now();
    const { text, share } = statusOf(runs, this.#name, this.#now);
    const table = tableOf(runs.map(rowOf))!;
    const options = { maxRows: runs.length, marked: bestRun(runs) };
    const html = isEnd ? liveTableHtml(table, options) : tableHtml(table, options);
    if (inNotebook() || isEnd) {
      const notes = sweepNotes(runs);
      const bundle = {
        "text/html":
          barHtml(text, share) + html + notes.map((note) => `<div>${escapeHtml(note)}</div>`).join(""),
        "text/plain": [plain(text, table, options), ...notes].join("\n"),
      };
      this.#display.update(bundle);
    }
    tellRunner(text);
  }
}

function plain(text: string, table: Table, options: { maxRows: number }): string {
  return `${text}\n${tableText(table, options)}`;
}

/** Returns the status: "demo_frozen_sweep: 3 of 12 runs, 40 s left; frozen: 100/800 steps ...". */
function statusOf(runs: readonly SweepRun[], name: string, now: string): { text: string; share: number } {
  const ended = runs.filter(({ state }) => state === "finished" || state === "failed");
  const times = runs.map(({ seconds }) => seconds).filter((seconds) => seconds !== undefined);
  const mean = times.reduce((sum, seconds) => sum + seconds, 0) / times.length;
  const isRunning = runs.some(({ state }) => state === "running");
  const left =
    times.length > 0 && isRunning ? `, ${formatSeconds(mean * (runs.length - ended.length))} left` : "";
  const text = `${basename(name)}: ${ended.length} of ${runs.length} runs${left}${now ? `; ${now}` : ""}`;
  return { text, share: ended.length / runs.length };
}

function rowOf({ settings, state, message, mp5, r1, top1, loss, seconds }: SweepRun) {
  // "failed: The loss is NaN at step 2": details in brackets are in the run's files.
  const words = message ? `${state}: ${message.split(/ \(|\n/)[0]}` : state;
  return { ...settings, state: words, "mP@5": mp5, "R@1": r1, "top-1": top1, loss, seconds };
}

/**
 * Draws a sweep of one or two settings: its measure over the first setting, a line for each value of the second.
 * @example
 * show(sweepFigure(await sweep(config, { margin: [0.2, 0.3] })));
 */
export function sweepFigure({ runs }: SweepResult): Figure {
  const varies = (name: SettingName) => runs.some((run) => run.settings[name] !== runs[0]!.settings[name]);
  const names = Object.keys(runs[0]!.settings) as SettingName[];
  // A setting with a single value would be an axis without length
  const [first, second] = [...names.filter(varies), ...names.filter((name) => !varies(name))];
  const measure = runs.some(({ mp5 }) => mp5 !== undefined) ? "mp5" : "top1";
  const heldOut = runs.some(({ on }) => on?.classesOf === "training")
    ? "held-out training classes"
    : "held-out classes";
  const [y, where] = measure === "mp5" ? ["mP@5", heldOut] : ["top-1", "the validation fold"];
  const finished = runs.filter((run) => run[measure] !== undefined);
  const nameOf = ({ settings }: SweepRun) => (second ? `${second} ${settings[second]}` : y);
  const series = [...new Set(finished.map(nameOf))].map((name) => {
    const group = finished.filter((run) => nameOf(run) === name);
    const x = group.map(({ settings }) => Number(settings[first!]));
    return { name, x, y: group.map((run) => run[measure]!), points: true };
  });
  return lineFigure(series, { title: `${y} on ${where} over ${first}`, x: first!, y });
}
