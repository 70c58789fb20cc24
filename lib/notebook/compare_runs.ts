// Runs beside each other.
import { basename } from "node:path";
import { UserError } from "../common/errors";
import { formatSeconds } from "../common/progress";
import { SETTING_NAMES, type TrainConfig } from "../config/config";
import { type RunView, viewRun } from "../training/runs/follow";
import { readRunConfig } from "../training/runs/run_folder";
import { bestRun } from "../training/sweep";
import type { Figure } from "./figure";
import { lineFigure, sideBySide } from "./plots";
import { byEpoch, EVALUATIONS, lossSeries } from "./run_views";
import { show } from "./show";
import { differ } from "./training_views";

/** A run with its settings. */
interface RunWithConfig {
  name: string;
  view: RunView;
  config: Readonly<TrainConfig>;
}

/**
 * Shows runs over each other: their curves, the settings in which they differ, and what they reached, the best in
 * bold. They may still be training.
 *
 *     await compareRuns("demo_frozen", "margin_05");
 *
 * @param runs names below checkpoints/, folders, or what startRun() gave
 * @throws UserError where there is no such run
 */
export async function compareRuns(...runs: (string | { folder: string })[]): Promise<void> {
  if (runs.length === 0) throw new UserError("There is no run to compare.", "name some: compareRuns(a, b)");
  const read = runs.map((run): RunWithConfig => {
    const view = viewRun(typeof run === "string" ? run : run.folder);
    return { name: basename(view.folder), view, config: readRunConfig(view.folder) };
  });
  await show(comparisonFigure(read));
  const differences = differingSettings(read);
  await show(differences.length > 0 ? differences : "All settings are the same.", {
    title: "What was set differently",
    maxRows: differences.length,
  });
  const results = read.map(resultOf);
  const marked = bestRun(results.map((row) => ({ mp5: row["mP@5"], top1: row["top-1"] })));
  await show(results, { title: "What came of it", marked });
}

/** Losses over each other, and mP@5 on held-out classes after each epoch. */
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
  const { of } = EVALUATIONS.find((evaluation) => evaluation.name === measure)!;
  const points = runs.map(({ name, view }) => byEpoch(name, of(view)));
  const title = hasRetrieval ? "mP@5 on held-out classes" : "Top-1 on the validation fold";
  return sideBySide(loss, lineFigure(points, { title, x: "epoch", y: measure }));
}

/** One row for each setting in which runs differ, a column for each run. */
function differingSettings(runs: readonly RunWithConfig[]): Record<string, unknown>[] {
  const differing = SETTING_NAMES.filter(
    (setting) => setting !== "runName" && differ(runs.map(({ config }) => config[setting])),
  );
  return differing.map((setting) => ({
    setting,
    ...Object.fromEntries(runs.map(({ name, config }) => [name, config[setting]])),
  }));
}

function resultOf({ name, view }: RunWithConfig) {
  const [step, validation, retrieval] = [view.steps.at(-1), view.validations.at(-1), view.retrievals.at(-1)];
  return {
    run: name,
    state: view.state,
    steps: step ? `${step.step}/${step.totalSteps}` : "",
    loss: step?.loss,
    "top-1": validation?.top1,
    "mP@5": retrieval?.mp5,
    "R@1": retrieval?.r1,
    time: step ? formatSeconds(step.elapsedSeconds) : "",
  };
}
