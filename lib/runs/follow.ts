// Follows a run's metrics as they grow.
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
import { isUnderWay, missingRun, runFile, runFolder, START_TIMEOUT_MS } from "./run_folder";
import { addStep, emptyHistory, type StepHistory } from "./step_history";

/** Everything measured so far in a run. */
export interface RunMetrics {
  /** Every step, or at most 1,000 means over `stepsPerPoint` of them each; the last one ends with the latest step. */
  steps: StepMetric[];
  stepsPerPoint: number;
  validations: ValidationMetric[];
  retrievals: RetrievalMetric[];
  end?: EndMetric;
}

/** Where a run stands: `lost` means that its process is gone and wrote no last line (killed, or out of memory). */
export type RunState = "starting" | "running" | "finished" | "stopped" | "failed" | "lost";

/** A run at a moment: what it has measured so far, and where it stands. */
export interface RunView extends RunMetrics {
  folder: string;
  state: RunState;
  /** What the run that it started from had reached. */
  baseline?: Baseline;
}

const PAUSE_MS = 500;

/**
 * Follows a run, whichever process trains it: calls `onView` now and whenever something was measured (always while
 * nothing is measured yet), at most twice a second, until the run has ended. The run itself is not touched.
 * @param nameOrPath the run's name below checkpoints/, or its folder
 * @param isOver asked between two looks: whether to follow no longer
 * @returns the last view
 * @throws Interrupted after Interrupt; UserError where there is no such run
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

/** A run as it is now. @throws UserError where there is no such run */
export function viewRun(nameOrPath: string): RunView {
  return runViewer(nameOrPath)().view;
}

/** Looks at a run, again and again; `changed`: whether something was measured since the last look. */
function runViewer(nameOrPath: string): () => { view: RunView; changed: boolean } {
  const folder = runFolder(nameOrPath);
  if (!existsSync(folder)) throw missingRun(nameOrPath);
  const readMore = metricsReader(runFile(folder, "metrics"));
  const inode = statSync(folder).ino;
  let baseline = baselineOfFolder(folder);
  let scores = 0;
  return () => {
    // Asked before reading: what the process wrote before it went is read in any case.
    const underWay = isUnderWay(folder);
    if (statSync(folder, { throwIfNoEntry: false })?.ino !== inode) throw replacedError(folder);
    const { metrics, changed } = readMore();
    // Which scores of the baseline count is known with the run's own first ones
    if (metrics.retrievals.length !== scores) baseline = baselineOfFolder(folder);
    scores = metrics.retrievals.length;
    return { view: { ...metrics, folder, baseline, state: stateOf(folder, metrics, underWay) }, changed };
  };
}

/** Another folder has taken the place of the one that was followed. */
function replacedError(folder: string): UserError {
  return new UserError(
    `The run that was followed is no longer in ${folder}: another has its place, or it ended before its first checkpoint and the run that it was to replace is back.`,
    `The end of ${runFile(folder, "log")} says which.`,
  );
}

/** Whether more is to be expected of a run. */
export function isLive({ state }: RunView): boolean {
  return state === "starting" || state === "running";
}

function stateOf(folder: string, { end }: RunMetrics, underWay: boolean): RunState {
  if (underWay) return "running";
  if (end?.reason === "finished") return "finished";
  // A run that is taken up again still shows the end of its last life: its config was written after it.
  const [startedAtMs, measuredAtMs] = [changedAtMs(folder, "config"), changedAtMs(folder, "metrics")];
  const isStarting = startedAtMs > measuredAtMs && startedAtMs > changedAtMs(folder, "pid");
  if (isStarting && Date.now() - startedAtMs < START_TIMEOUT_MS) return "starting";
  return end?.reason ?? "lost";
}

/**
 * When a file of the run was last written, to be compared; -Infinity where it is absent. A date in the future is of a
 * time before the clock was set back: older than all that have happened since, and never waited for.
 */
function changedAtMs(folder: string, file: Parameters<typeof runFile>[1]): number {
  const changedAt = statSync(runFile(folder, file), { throwIfNoEntry: false })?.mtimeMs;
  if (changedAt === undefined) return Number.NEGATIVE_INFINITY;
  return changedAt > Date.now() + CLOCK_SKEW_MS ? changedAt - BEFORE_ALL_MS : changedAt;
}

/** Clocks of two machines, one of which holds the files, may differ by this. */
const CLOCK_SKEW_MS = 60_000;
/** Three thousand years. */
const BEFORE_ALL_MS = 1e14;

/**
 * Reads what was added to a metrics file since the last call. A file that was replaced (a resumed run drops what it
 * will measure again) is read from its start.
 */
function metricsReader(path: string): () => { metrics: RunMetrics; changed: boolean } {
  let collected = emptyCollection();
  let inode = 0;
  let offset = 0;
  let lines = 0;
  let rest = Buffer.alloc(0);
  const take = (added: Buffer): boolean => {
    const whole = Buffer.concat([rest, added]);
    // The last line may be half written.
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
        changed = take(chunk.subarray(0, bytes)) || changed;
      }
      return { metrics: metricsOf(collected), changed };
    } finally {
      closeSync(file);
    }
  };
}

/** A run of ten hours has a metrics file of tens of megabytes: it goes through memory in pieces. */
const CHUNK_BYTES = 2 ** 20;

/** What was read so far. */
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
