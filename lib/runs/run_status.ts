// The status of a run in words: for the notebook, the command line and logs.
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { formatSeconds } from "../common/progress";
import { WEIGHT_KINDS } from "../model/weight_names";
import { isLive, type RunState, type RunView } from "./follow";
import { type HeldOutScores, type StepMetric, scoresOf, type ValidationScores } from "./metrics";
import { WITHOUT_NOTE } from "./run_note";
import { scoredOnText, trainedOnText } from "./scored_on";

/** Number of the latest steps from which the speed is measured. */
const RECENT_STEPS = 50;

const ONE_DECIMAL = { minimumFractionDigits: 1, maximumFractionDigits: 1 };

const STATES: Record<RunState, string> = {
  starting: "starting",
  running: "running",
  finished: "finished",
  stopped: "stopped (started again, it goes on)",
  failed: "failed",
  lost: "its process is gone",
};

/** Formats one line: the run's state, speed and remaining time. */
export function statusText(view: RunView): string {
  const step = view.steps.at(-1);
  const name = basename(view.folder);
  const state = STATES[view.state];
  if (!step) return `${name}: ${state}${isLive(view) ? lastOutput(view.folder) : ""}`;
  const { loss, learningRate, imagesPerSecond, totalSteps, epoch } = step;
  const left = view.state === "running" ? leftText(view.steps) : "";
  return (
    `${name}: ${state}, epoch ${epoch}, step ${step.step}/${totalSteps}, ` +
    `${imagesPerSecond.toLocaleString("en-US", ONE_DECIMAL)} images/s${left}, loss ${loss.toFixed(3)}, lr ${learningRate.toExponential(2)}`
  );
}

/** Returns the last line that a run printed, shown while it prepares itself (reads tables, embeds images). */
function lastOutput(folder: string): string {
  const path = join(folder, "output.txt");
  const line = existsSync(path) ? readFileSync(path, "utf8").trimEnd().split("\n").at(-1) : "";
  return line ? `: ${line}` : "";
}

/** Returns ", 48 s left", which does not count scoring; "" after the first step, whose speed tells nothing. */
function leftText(steps: readonly StepMetric[]): string {
  const { step, totalSteps } = steps.at(-1)!;
  if (step === totalSteps) return ", scoring";
  const seconds = secondsLeft(steps);
  return Number.isFinite(seconds) ? `, ${formatSeconds(seconds)} left` : "";
}

function secondsLeft(steps: readonly StepMetric[]): number {
  const recent = steps.slice(-RECENT_STEPS);
  const [first, last] = [recent[0]!, recent.at(-1)!];
  if (recent.length < 2) return Number.NaN;
  const secondsPerStep = (last.elapsedSeconds - first.elapsedSeconds) / (last.step - first.step);
  return secondsPerStep * (last.totalSteps - last.step);
}

/** Tells why a run ended early, and where to read more; "" if it did not. */
export function failureText({ state, end, folder }: RunView): string {
  const output = `what it printed is in ${join(folder, "output.txt")}`;
  if (state === "failed") return `failed: ${end?.message}; ${output}`;
  return state === "lost" ? `ended without a last word (killed, or out of memory?); ${output}` : "";
}

/**
 * Formats "held-out mP@5 and R@1: 155 queries of 155 held-out classes, data/demo (3f2a91c0)"; "" if none are held out.
 */
export function scoredOnLine({ retrievals }: RunView): string {
  const last = retrievals.at(-1);
  if (!last) return "";
  const learned = last.on && trainedOnText(last.on);
  const on = last.on ? `${scoredOnText(last.on)}${learned && `; ${learned}`}` : WITHOUT_NOTE;
  return `held-out mP@5 and R@1: ${on}`;
}

/** Scores at the ends of epochs, as a table. */
export interface EvaluationTable {
  columns: string[];
  rows: (number | undefined)[][];
}

/**
 * Returns one row per epoch: scores on the validation fold and of retrieval on held-out classes, and the same five
 * columns again for each evaluated average of the weights.
 */
export function evaluationTable({ validations, retrievals }: RunView): EvaluationTable {
  const metrics = [...validations, ...retrievals];
  const kinds = WEIGHT_KINDS.filter((kind) => metrics.some((metric) => scoresOf<unknown>(metric, kind)));
  const columns = kinds.flatMap((kind) =>
    SCORES.map((score) => (kind === "raw" ? score : `${kind.toUpperCase()} ${score}`)),
  );
  const epochs = [...new Set(metrics.map((metric) => metric.epoch))].sort((a, b) => a - b);
  const rows = epochs.map((epoch) => {
    const validation = validations.find((metric) => metric.epoch === epoch);
    const retrieval = retrievals.find((metric) => metric.epoch === epoch);
    const scores = kinds.flatMap((kind) => {
      const classified = validation && scoresOf<ValidationScores>(validation, kind);
      const found = retrieval && scoresOf<HeldOutScores>(retrieval, kind);
      return [classified?.loss, classified?.top1, classified?.top5, found?.mp5, found?.r1];
    });
    return [epoch, ...scores];
  });
  return { columns: ["epoch", ...columns], rows };
}

const SCORES = ["validation loss", "top-1", "top-5", "held-out mP@5", "held-out R@1"];
