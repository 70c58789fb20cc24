// Follows a run's metrics as they grow, whichever process trains it.
import { closeSync, existsSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { UserError } from "../common/errors";
import { checkInterrupt } from "../common/interrupt";
import { type Baseline, baselineOfFolder } from "./baseline";
import {
  type EndMetric,
  type Metric,
  parseMetric,
  type RetrievalMetric,
  type StepMetric,
  type ValidationMetric,
} from "./metrics";
import { missingRun, runFile, runFolder } from "./run_folder";
import { isUnderWay, START_TIMEOUT_MS } from "./start_folder";
import { addStep, emptyHistory, type StepHistory } from "./step_history";

/** Everything measured so far in a run. */
export interface RunMetrics {
  /** Every step, or at most 1,000 means over `stepsPerPoint` steps each; the last one ends with the latest step. */
  steps: StepMetric[];
  stepsPerPoint: number;
  validations: ValidationMetric[];
  retrievals: RetrievalMetric[];
  end?: EndMetric;
}

/** The state of a run. `lost`: its process is gone and wrote no last line (killed, or out of memory). */
export type RunState = "starting" | "running" | "finished" | "stopped" | "failed" | "lost";

/** A run at one moment: its metrics so far and its state. */
export interface RunView extends RunMetrics {
  folder: string;
  state: RunState;
  /** The scores of the run that it started from. */
  baseline?: Baseline;
}

const PAUSE_MS = 500;

/**
 * Follows a run without touching it, whichever process trains it. Calls `onView` now and after every new metric (and
 * regularly before the first step), at most twice a second, until the run has ended.
 * @param nameOrPath the run's name below checkpoints/, or its folder
 * @param isOver returns true to stop following; called between two views
 * @returns the last view
 * @throws Interrupted after an interrupt; UserError if there is no such run
 */
export async function followRun(
  nameOrPath: string,
  onView: (view: RunView) => void | Promise<void>,
  isOver: () => boolean = () => false,
): Promise<RunView> {
  const look = runViewer(nameOrPath);
  let shown: RunState | undefined;
  for (;;) {
    const { view, changed } = look();
    if (changed || view.state !== shown || view.steps.length === 0) await onView(view);
    shown = view.state;
    if (!isLive(view) || isOver()) return view;
    await pause(PAUSE_MS);
    await checkInterrupt();
  }
}

/** Returns a run as it is now. @throws UserError if there is no such run */
export function viewRun(nameOrPath: string): RunView {
  return runViewer(nameOrPath)().view;
}

/** Returns a function that views a run; `changed` tells whether anything was measured since its last call. */
function runViewer(nameOrPath: string): () => { view: RunView; changed: boolean } {
  const folder = runFolder(nameOrPath);
  if (!existsSync(folder)) throw missingRun(nameOrPath);
  const readMore = metricsReader(runFile(folder, "metrics"));
  const inode = statSync(folder).ino;
  let baseline = baselineOfFolder(folder);
  let scores = 0;
  return () => {
    // Before reading, so that everything that the process wrote before its end is read.
    const underWay = isUnderWay(folder);
    if (statSync(folder, { throwIfNoEntry: false })?.ino !== inode) throw replacedError(folder);
    const { metrics, changed } = readMore();
    // The baseline is compared with the run's own scores, which may be new.
    if (metrics.retrievals.length !== scores) baseline = baselineOfFolder(folder);
    scores = metrics.retrievals.length;
    return { view: { ...metrics, folder, baseline, state: stateOf(folder, metrics, underWay) }, changed };
  };
}

/** Returns the error for a followed folder that another one has replaced. */
function replacedError(folder: string): UserError {
  return new UserError(
    `The followed run is no longer in ${folder}: another run replaced it, or it ended before its first checkpoint and the run before it is back.`,
    `The end of ${runFile(folder, "log")} tells which.`,
  );
}

/** Tells whether a run may still write metrics. */
export function isLive({ state }: RunView): boolean {
  return state === "starting" || state === "running";
}

function stateOf(folder: string, { end }: RunMetrics, underWay: boolean): RunState {
  if (underWay) return "running";
  if (end?.reason === "finished") return "finished";
  // A resumed run still has the end of its previous start as its last line, but a newer config.
  const [startedAtMs, measuredAtMs] = [changedAtMs(folder, "config"), changedAtMs(folder, "metrics")];
  const isStarting = startedAtMs > measuredAtMs && startedAtMs > changedAtMs(folder, "pid");
  if (isStarting && Date.now() - startedAtMs < START_TIMEOUT_MS) return "starting";
  return end?.reason ?? "lost";
}

/**
 * Returns the time a run's file was last written, for comparisons; -Infinity if it is absent. A time in the future
 * comes from a clock that was set back since: it counts as older than all others, so that nothing waits for it.
 */
function changedAtMs(folder: string, file: Parameters<typeof runFile>[1]): number {
  const changedAt = statSync(runFile(folder, file), { throwIfNoEntry: false })?.mtimeMs;
  if (changedAt === undefined) return Number.NEGATIVE_INFINITY;
  return changedAt > Date.now() + CLOCK_SKEW_MS ? changedAt - BEFORE_ALL_MS : changedAt;
}

/** Tolerated difference between the clocks of this machine and of the file server. */
const CLOCK_SKEW_MS = 60_000;
/** Three thousand years. */
const BEFORE_ALL_MS = 1e14;

/**
 * Returns a function that reads the lines added to a metrics file since its last call. A replaced file (a resumed run
 * drops the metrics that it will measure again) is read from its start.
 */
function metricsReader(path: string): () => { metrics: RunMetrics; changed: boolean } {
  let collected = emptyCollection();
  let inode = 0;
  let offset = 0;
  let lines = 0;
  let rest = Buffer.alloc(0);
  const addLines = (added: Buffer): boolean => {
    const whole = Buffer.concat([rest, added]);
    // The last line may be incomplete.
    const end = whole.lastIndexOf(0x0a) + 1;
    rest = whole.subarray(end);
    for (const line of whole.toString("utf8", 0, end).split("\n"))
      if (line) add(collected, parseMetric(path, ++lines, line));
    return end > 0;
  };
  return () => {
    if (!existsSync(path)) return { metrics: metricsOf(collected), changed: false };
    const file = openSync(path, "r");
    try {
      const { ino, size } = fstatSync(file);
      if (ino !== inode || size < offset) {
        collected = emptyCollection();
        [inode, offset, lines, rest] = [ino, 0, 0, Buffer.alloc(0)];
      }
      const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, size - offset));
      let changed = false;
      for (let bytes = 1; bytes > 0 && offset < size; offset += bytes) {
        bytes = readSync(file, chunk, 0, Math.min(chunk.length, size - offset), offset);
        changed = addLines(chunk.subarray(0, bytes)) || changed;
      }
      return { metrics: metricsOf(collected), changed };
    } finally {
      closeSync(file);
    }
  };
}

/** Bytes read at a time: the metrics file of a ten-hour run has tens of megabytes. */
const CHUNK_BYTES = 2 ** 20;

/** The metrics read so far. */
interface Collection extends Omit<RunMetrics, "steps" | "stepsPerPoint"> {
  history: StepHistory;
}

function emptyCollection(): Collection {
  return { history: emptyHistory(), validations: [], retrievals: [] };
}

function metricsOf({ history, ...others }: Collection): RunMetrics {
  return { steps: history.points, stepsPerPoint: history.stepsPerPoint, ...others };
}

function add(metrics: Collection, metric: Metric): void {
  metrics.end = undefined;
  if (metric.kind === "step") addStep(metrics.history, metric);
  else if (metric.kind === "validation") metrics.validations.push(metric);
  else if (metric.kind === "retrieval") metrics.retrievals.push(metric);
  else metrics.end = metric;
}
