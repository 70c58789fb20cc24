// Progress of long work: reports, and their display in a terminal or a log.

/** One report of a long piece of work. `done` and `total` count `unit`s (images, rows, steps). */
export interface ProgressReport {
  stage: string;
  done: number;
  total: number;
  unit: string;
  note?: string;
}

/** A receiver of progress reports; the command line and the notebooks each have their own. */
export type OnProgress = (report: ProgressReport) => void;

/** The option of functions that report progress. */
export interface ProgressOptions {
  onProgress?: OnProgress | undefined;
}

/** Options of long-running functions. */
export interface TaskOptions extends ProgressOptions {
  /** Stops the work when aborted: it throws Interrupted; finished parts are kept. */
  signal?: AbortSignal | undefined;
}

let makeShown: () => OnProgress = terminalProgress;

/** Sets how this process shows progress by itself: the notebooks' bars in place of the terminal's lines. */
export function showProgressBy(make: () => OnProgress): void {
  makeShown = make;
}

/** Returns a receiver of reports that shows them where this process shows progress: a cell, or the terminal. */
export function shownProgress(): OnProgress {
  return makeShown();
}

/** The first report of a stage: what was done by then (kept from an earlier call, for example) took no time since. */
export interface StageStart {
  /** By performance.now(). */
  startedAtMs: number;
  doneBefore: number;
}

/** Formats a report for a person, with time left and with the rate since the stage's first report. */
export function describeProgress(
  report: ProgressReport,
  { startedAtMs, doneBefore }: StageStart,
  nowMs: number,
): string {
  const { stage, done, total, unit, note } = report;
  const share = total > 0 ? Math.floor((100 * done) / total) : 100;
  const elapsedMs = nowMs - startedAtMs;
  const rate = elapsedMs > 0 ? ((done - doneBefore) / elapsedMs) * 1000 : 0;
  // The first report has no rate yet
  const speed = rate > 0 ? `, ${formatRate(rate)} ${unit}/s` : "";
  const left = rate > 0 && done < total ? `, ${formatSeconds((total - done) / rate)} left` : "";
  return `${stage}: ${done}/${total} ${unit} (${share} %)${speed}${left}${note ? `, ${note}` : ""}`;
}

function formatRate(rate: number): string {
  return rate >= 100 ? rate.toFixed(0) : rate >= 1 ? rate.toFixed(1) : rate.toFixed(2);
}

/** Formats a duration: 75 -> "1 min 15 s". */
export function formatSeconds(seconds: number): string {
  if (!Number.isFinite(seconds)) return "unknown";
  if (seconds < 60) return `${Math.ceil(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/**
 * Makes a receiver of reports for a terminal or a log: on a terminal one line in place (at most 5 updates a second),
 * else a line at the start, every 10 seconds and at the end of each stage. Writes to standard error.
 */
export function terminalProgress(stream: NodeJS.WriteStream = process.stderr): OnProgress {
  const pauseMs = stream.isTTY ? 200 : 10_000;
  const starts = new Map<string, StageStart>();
  const shownAtMs = new Map<string, number>();
  return (report) => {
    const now = performance.now();
    const start = starts.get(report.stage) ?? { startedAtMs: now, doneBefore: report.done };
    starts.set(report.stage, start);
    const ended = report.done >= report.total;
    if (!ended && now - (shownAtMs.get(report.stage) ?? Number.NEGATIVE_INFINITY) < pauseMs) return;
    shownAtMs.set(report.stage, now);
    const line = describeProgress(report, start, now);
    stream.write(stream.isTTY ? `\r\x1b[2K${line}${ended ? "\n" : ""}` : `${line}\n`);
    if (ended) starts.delete(report.stage);
  };
}
