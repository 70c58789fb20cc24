// Settings compared over seeds in a notebook: `guie tune` for a config in a cell.
import { UserError } from "../../common/errors";
import type { TaskOptions } from "../../common/progress";
import { searchTable } from "../../experiments/search_report";
import type { SearchRow } from "../../experiments/search_rows";
import type { SweepRun } from "../../experiments/sweep";
import { choosing, runSearch, type SearchResult } from "../../experiments/tune";
import { parseVariation } from "../../experiments/variations";

/** Options of `tune`. */
export interface NotebookTuneOptions extends TaskOptions {
  /** The seeds of every variation; each draws other classes to score on. */
  seeds: readonly number[];
  /** The folder below checkpoints/. Default: the config's run name and "_tune". */
  name?: string;
}

/**
 * Trains a config of the stage `frozen` as it is and with each variation, over the same seeds, and compares them seed by
 * seed on a share of the training classes that they do not learn. Finished runs stay; after an interrupt the same cell
 * goes on.
 * @param vary words as `guie tune --vary` takes them: "margin=0.2,0.3", "s=16 margin=0"
 * @throws UserError for another stage, and for settings or values that do not fit
 * @example
 * const compared = await tune(preset("demo", "frozen"), ["margin=0.3"], { seeds: [1, 2, 3] });
 * await show(tuneTable(compared.rows));
 */
export async function tune(
  config: SweepRun["config"],
  vary: readonly string[],
  { seeds, name = `${config.runName}_tune`, ...options }: NotebookTuneOptions,
): Promise<SearchResult> {
  if (config.stage !== "frozen")
    throw new UserError(
      `tune() trains on cached features: it needs a config of the stage "frozen", got "${config.stage}".`,
      "For fine-tuning: npx guie tune --stage fine_tune",
    );
  const request = {
    name,
    stage: "frozen",
    configs: { frozen: choosing(config) },
    variations: vary.map(parseVariation),
    together: false,
    seeds: [...new Set(seeds)],
  } as const;
  const words = [JSON.stringify(vary), JSON.stringify({ seeds: request.seeds, name })];
  return runSearch(request, { command: `guie.tune(config, ${words.join(", ")})`, ...options });
}

/**
 * Returns a row per variation for `show`: means over the seeds, the difference with its interval and spread, the verdict.
 * @example
 * await show(tuneTable((await tune(config, ["margin=0.3"], { seeds: [1, 2] })).rows));
 */
export function tuneTable(rows: readonly SearchRow[]): Record<string, string>[] {
  const { titles, cells } = searchTable(rows);
  return cells.map((row) => Object.fromEntries(titles.map((title, column) => [title, row[column]!])));
}
