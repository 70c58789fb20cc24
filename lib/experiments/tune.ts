// A search over settings: plans its runs, trains them, and reports each experiment against the config as it is.
import { Interrupted } from "../common/interrupt";
import type { TaskOptions } from "../common/progress";
import { overrideConfig } from "../config/config";
import { describeEnvironment } from "../runs/environment";
import { planSearch, type SearchPlan, type SearchRequest } from "./search_plan";
import { writeSearch } from "./search_report";
import { type SearchRow, searchRows } from "./search_rows";
import { runSweep, type SweepOptions, type SweepRun } from "./sweep";

/** Default share of training classes that a search holds out to choose by; the config's `holdOutShare` overrides it. */
const CHOICE_SHARE = 0.2;

/** Returns the config with training classes held out to choose by; one that holds some out keeps its share. */
export function choosing(config: SweepRun["config"]): SweepRun["config"] {
  return config.holdOutShare > 0 ? config : overrideConfig(config, { holdOutShare: CHOICE_SHARE });
}

/** Options of a search. */
export interface SearchOptions extends SweepOptions, TaskOptions {
  /** The command line, for the heading of search.md. */
  command: string;
  /** Receives the plan before the first run. */
  onPlan?: (plan: SearchPlan) => void;
}

/** The result of a search. */
export interface SearchResult {
  plan: SearchPlan;
  rows: SearchRow[];
  /** An interrupt ended it: the same call goes on. */
  stopped: boolean;
  /** Paths of search.csv and search.md. */
  csv: string;
  markdown: string;
}

/**
 * Trains the runs of a search in this process, and writes `checkpoints/<name>/search.csv` and `search.md`. Finished runs
 * stay, and the same call goes on after an interrupt, a kill, or the end of the time.
 * @throws UserError for settings or values that do not fit, and as `runSweep`
 */
export async function runSearch(
  request: SearchRequest,
  { command, onPlan, ...options }: SearchOptions,
): Promise<SearchResult> {
  const plan = planSearch(request);
  onPlan?.(plan);
  const advice = `Choose another --name, or delete checkpoints/${request.name}${
    request.configs.frozen && request.stage !== "frozen"
      ? ` and the runs that it started from, checkpoints/${request.name}_frozen`
      : ""
  }.`;
  const stopped = await untilStopped(() => runSweep(plan.runs, { advice, ...options }));
  const rows = await searchRows(plan);
  const environment = describeEnvironment(plan.runs[0]!.config);
  return { plan, rows, stopped, ...(await writeSearch(plan, rows, { command, environment })) };
}

/** Does work. @returns whether an interrupt ended it */
async function untilStopped(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return false;
  } catch (error) {
    if (error instanceof Interrupted) return true;
    throw error;
  }
}
