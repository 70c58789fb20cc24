// Comparison of runs: curves, settings and results.
import { basename } from "node:path";
import { UserError } from "../../common/errors";
import { formatSeconds } from "../../common/progress";
import { type ConfigOverrides, SETTING_NAMES } from "../../config/config";
import type { OptimiserSettings } from "../../config/optimiser";
import { bestRun } from "../../experiments/sweep";
import { type RunView, viewRun } from "../../runs/follow";
import { readRunConfig } from "../../runs/run_folder";
import { type RunNote, readNote, WITHOUT_NOTE } from "../../runs/run_note";
import { shortScoredOn } from "../../runs/scored_on";
import type { Figure } from "../output/figure";
import { lineFigure, sideBySide } from "../output/plots";
import { type NamedRun, nameOfRun } from "./named_run";
import { byEpoch, EVALUATIONS, lossSeries } from "./run_views";
import { show } from "./show";
import { cellOf, differ } from "./training_views";

/** A run with its settings. */
interface RunWithConfig {
  name: string;
  view: RunView;
  config: Readonly<ConfigOverrides & Pick<OptimiserSettings, "batchSize">>;
}

/**
 * Compares runs: their curves in one figure, the settings that differ, and the results, the best in bold. Runs may
 * still be training.
 *
 *     await compareRuns("demo_frozen", "margin_05");
 *
 * @param runs names in checkpoints/, folders, or results of startRun()
 * @throws UserError if there is no such run
 * @example
 * await compareRuns("demo_frozen", "demo_fine_tune");
 */
export async function compareRuns(...runs: NamedRun[]): Promise<void> {
  if (runs.length === 0) throw new UserError("There is no run to compare.", "Name some: compareRuns(a, b).");
  const read = runs.map((run): RunWithConfig => {
    const view = viewRun(nameOfRun(run, "compareRuns"));
    return { name: basename(view.folder), view, config: readRunConfig(view.folder) };
  });
  await show(comparisonFigure(read));
  const differences = differingSettings(read);
  await show(differences.length > 0 ? differences : "All settings are the same.", {
    title: "Settings that differ",
    maxRows: differences.length,
  });
  const results = read.map(resultOf);
  const isComparable = new Set(read.map(queriesOf)).size === 1;
  const marked = bestRun(results.map((row) => ({ mp5: row["mP@5"], top1: row["top-1"] })));
  const title = `Results${isComparable ? "" : " (scores are of different or unknown queries: none is the best)"}`;
  await show(results, { title, marked: isComparable ? marked : -1 });
}

/** Draws the losses in one plot, and mP@5 on held-out classes after each epoch. */
function comparisonFigure(runs: readonly RunWithConfig[]): Figure {
  const sameBatch = new Set(runs.map(({ config }) => config.batchSize)).size === 1;
  const lines = runs.map(({ name, view, config }) => {
    const series = lossSeries(view, name);
    return sameBatch ? series : { ...series, x: series.x.map((step) => step * config.batchSize) };
  });
  const x = sameBatch ? "step" : "images seen";
  const loss = lineFigure(lines, { title: "Loss (comparable at equal s and margin)", x, y: "loss" });
  const hasRetrieval = runs.some(({ view }) => view.retrievals.length > 0);
  const measure = hasRetrieval ? "mP@5" : "top-1";
  const { valuesOf } = EVALUATIONS.find((evaluation) => evaluation.name === measure)!;
  const points = runs.map(({ name, view }) => byEpoch(name, valuesOf(view)));
  const title = hasRetrieval ? "mP@5 on held-out classes" : "Top-1 on the validation fold";
  return sideBySide(loss, lineFigure(points, { title, x: "epoch", y: measure }));
}

/** Returns a row per setting in which runs differ, with a column per run. */
function differingSettings(runs: readonly RunWithConfig[]): Record<string, unknown>[] {
  const differing = SETTING_NAMES.filter(
    (setting) => setting !== "runName" && differ(runs.map(({ config }) => config[setting])),
  );
  const settings = differing.map((setting) => ({
    setting,
    ...Object.fromEntries(runs.map(({ name, config }) => [name, cellOf(config[setting])])),
  }));
  const tables = runs.map(({ view }) => tableText(readNote(view.folder)));
  const table = {
    setting: "training table",
    ...Object.fromEntries(runs.map(({ name }, i) => [name, tables[i]])),
  };
  return differ(tables) ? [...settings, table] : settings;
}

/** Returns an identifier of the queries that a run was scored on; "" if there are none. */
function queriesOf({ name, view }: RunWithConfig): string {
  const last = view.retrievals.at(-1);
  return last ? (last.on?.fingerprint ?? name) : "";
}

/** Returns a training table's text: "3f2a91c0, 13220 rows". */
function tableText(note: RunNote | undefined): string {
  return note ? `${note.table.sha256.slice(0, 8)}, ${note.table.rows} rows` : WITHOUT_NOTE;
}

function resultOf({ name, view }: RunWithConfig) {
  const [step, validation, retrieval] = [view.steps.at(-1), view.validations.at(-1), view.retrievals.at(-1)];
  return {
    run: name,
    "mP@5": retrieval?.mp5,
    "R@1": retrieval?.r1,
    "top-1": validation?.top1,
    loss: step?.loss,
    state: view.state,
    steps: step ? `${step.step}/${step.totalSteps}` : "",
    time: step ? formatSeconds(step.elapsedSeconds) : "",
    "scored on": retrieval && shortScoredOn(retrieval.on),
  };
}
