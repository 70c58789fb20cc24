// The runs of a search: a config as it is and its variations, with several seeds, in one stage or in both.
import { basename, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { UserError } from "../common/errors";
import type { ConfigOverrides } from "../config/config";
import type { Stage } from "../config/run";
import { plannedRun, type SweepRun } from "./sweep";
import { type Choice, choiceName, choicesOf, choicesText, refuseUselessChoices } from "./variations";

/** What a search varies: one stage, or both, where each seed trains its frozen run and fine-tunes from there. */
export type SearchStage = Stage | "both";

/** What to search. */
export interface SearchRequest {
  /** The search's folder below checkpoints/; frozen runs that others start from are in `<name>_frozen`. */
  name: string;
  stage: SearchStage;
  /** The config of each stage that is trained: `fine_tune` alone starts from its `initFrom`. */
  configs: Partial<Record<Stage, SweepRun["config"]>>;
  /** The alternatives of each word of `--vary`. */
  variations: readonly (readonly Choice[][])[];
  /** Try every combination of the words; otherwise each alternative alone. */
  together: boolean;
  seeds: readonly number[];
}

/** A variation, or the config as it is, with its runs. */
export interface Experiment {
  /** What differs from the config; [] for the config as it is. */
  choices: Choice[];
  /** Runs by seed: of the last stage, and the frozen run that it starts from, if the search trains it. */
  runs: ReadonlyMap<number, SweepRun>;
}

/** The plan of a search. */
export interface SearchPlan {
  request: SearchRequest;
  /** The config as it is first. */
  experiments: Experiment[];
  /** All runs in their order: seed by seed, the config as it is first, then variations, those of one run first. */
  runs: SweepRun[];
}

/**
 * Plans the runs of a search. Variations that change nothing are left out, and those that do not touch the frozen stage
 * share its run of the seed.
 * @throws UserError for an unknown setting, a value that does not fit, or a setting that the stage does not use
 */
export function planSearch(request: SearchRequest): SearchPlan {
  const { stage, seeds, variations, together } = request;
  const varied: Stage[] = stage === "both" ? ["frozen", "fine_tune"] : [stage];
  for (const choice of variations.flat(2)) refuseUselessChoices([choice], varied);
  const alternatives = together ? combined(variations) : variations.flat();
  const distinct = new Map<string, Choice[]>([["[]", []]]);
  for (const choices of alternatives) {
    refuseTwice(choices);
    const changing = choices.filter((choice) => isChange(choice, varied, request));
    distinct.set(JSON.stringify(changing), changing);
  }
  const changesFrozen = (choices: readonly Choice[]) =>
    stage === "both" && effective(choices, "frozen", request).length > 0;
  const sets = [...distinct.values()];
  const ordered = [...sets.filter((some) => !changesFrozen(some)), ...sets.filter(changesFrozen)];
  const planned = ordered.map((choices) => ({ choices, runs: new Map<number, SweepRun>() }));
  const runs: SweepRun[] = [];
  for (const seed of seeds) {
    const frozen = new Map<string, SweepRun>();
    for (const { choices, runs: ofSeeds } of planned) {
      const start = startOf(choices, seed, request, frozen);
      const run = lastRun(choices, seed, request, start);
      if (start && !runs.includes(start)) runs.push(start);
      runs.push(run);
      ofSeeds.set(seed, run);
    }
  }
  return { request, experiments: planned, runs };
}

/** Returns the run of the last stage. @param start the frozen run that it starts from, if the search trains it */
function lastRun(
  choices: readonly Choice[],
  seed: number,
  request: SearchRequest,
  start: SweepRun | undefined,
): SweepRun {
  const stage = request.stage === "frozen" ? "frozen" : "fine_tune";
  const config = configOf(request, stage);
  const run = plannedRun(
    start ? { ...config, initFrom: referenceOf(start, request) } : config,
    { ...overridesOf(effective(choices, stage, request)), seed },
    { sweep: request.name, words: wordsOf(choices, seed) },
  );
  return start ? { ...run, start } : run;
}

/** Returns the name of a frozen run from the project's folder: "checkpoints/NAME_frozen/seed_1". */
function referenceOf({ folder }: SweepRun, { name }: SearchRequest): string {
  return join(name.includes("/") ? "" : "checkpoints", `${name}_frozen`, basename(folder));
}

/** Returns the frozen run that a fine-tuned one starts from; undefined if the search trains none. */
function startOf(
  choices: readonly Choice[],
  seed: number,
  request: SearchRequest,
  planned: Map<string, SweepRun>,
): SweepRun | undefined {
  const { stage, name, configs } = request;
  if (stage === "frozen" || !configs.frozen) return undefined;
  const own = stage === "both" ? effective(choices, "frozen", request) : [];
  const key = JSON.stringify(own);
  const run =
    planned.get(key) ??
    plannedRun(
      configs.frozen,
      { ...overridesOf(own), seed },
      {
        sweep: `${name}_frozen`,
        words: wordsOf(
          own.map(({ stage, ...choice }) => choice),
          seed,
        ),
      },
    );
  planned.set(key, run);
  return run;
}

function configOf({ configs }: SearchRequest, stage: Stage): SweepRun["config"] {
  const config = configs[stage];
  if (config) return config;
  throw new Error(`a search needs the config of the stage ${stage}`);
}

/** Returns the choices that a stage takes and that differ from its config. */
function effective(choices: readonly Choice[], stage: Stage, { configs }: SearchRequest): Choice[] {
  return choicesOf(choices, stage).filter(
    ({ setting, value }) => !isDeepStrictEqual(configs[stage]?.[setting], value),
  );
}

function isChange(choice: Choice, varied: readonly Stage[], request: SearchRequest): boolean {
  return varied.some((stage) => effective([choice], stage, request).length > 0);
}

function overridesOf(choices: readonly Choice[]): ConfigOverrides {
  return Object.fromEntries(choices.map(({ setting, value }) => [setting, value]));
}

function wordsOf(choices: readonly Choice[], seed: number): [string, unknown][] {
  return [...choices.map((choice): [string, unknown] => [choiceName(choice), choice.value]), ["seed", seed]];
}

/** Returns every combination of one alternative of each word. */
function combined(variations: SearchRequest["variations"]): Choice[][] {
  return variations.reduce<Choice[][]>(
    (combinations, alternatives) =>
      combinations.flatMap((some) => alternatives.map((more) => [...some, ...more])),
    [[]],
  );
}

function refuseTwice(choices: readonly Choice[]): void {
  const names = choices.map(choiceName);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice === undefined) return;
  throw new UserError(
    `--vary sets ${twice} twice at once: ${choicesText(choices)}.`,
    "Give its values in one word: --vary margin=0.2,0.3",
  );
}
