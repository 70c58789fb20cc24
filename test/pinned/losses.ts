// Losses of 30 steps of both stages, with the tiny tower and pictures that the test draws.
import { readdirSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import type { TrainConfig } from "guie/dist/config/config";
import type { Metric } from "guie/dist/runs/metrics";
import { readMetrics } from "guie/dist/runs/run_folder";
import { runTraining } from "guie/dist/training/run";
import { TinyRuns } from "../training/tiny_runs";

/** Three steps per epoch. */
const SHAPE = { nEpochs: 10, maxStepsPerEpoch: 3, emaDecay: 0.9 } as const;

/** The runs, in this order: `fine_tune` starts from `frozen`. */
const CASES: Readonly<Record<string, { stage: TrainConfig["stage"]; settings?: Partial<TrainConfig> }>> = {
  frozen: { stage: "frozen" },
  fine_tune: { stage: "fine_tune" },
  batch_norm_sub_centres: {
    stage: "fine_tune",
    settings: {
      neck: "norm_double_linear",
      head: "Sub_Arc_face",
      accumulationSteps: 2,
      sampler: "class_balanced",
    },
  },
};

/** The pinned values of a run: the loss of each step, and the final scores. */
export interface PinnedRun {
  losses: number[];
  validationLoss: number;
  mp5: number;
}

/** The content of a run folder, without values that differ from run to run. */
export interface RunFolderShape {
  files: string[];
  /** config.json; the settings of TEMPORARY are left empty. */
  config: Record<string, unknown>;
  /** The keys of every other JSON file; those that describe the machine aside. */
  keys: Record<string, string[]>;
  /** The keys of each kind of line in metrics.jsonl. */
  metrics: Record<string, string[]>;
}

/** Trains all cases. @returns case -> pinned values, and what its folder holds */
export async function trainAll(): Promise<{
  losses: Record<string, PinnedRun>;
  folders: Record<string, RunFolderShape>;
}> {
  const runs = new TinyRuns("pinned", SHAPE);
  await runs.start();
  const losses: Record<string, PinnedRun> = {};
  const folders: Record<string, RunFolderShape> = {};
  try {
    for (const [name, { stage, settings }] of Object.entries(CASES)) {
      const start = name === "fine_tune" ? { initFrom: runs.name("frozen") } : {};
      const folder = runs.prepare(name, { ...settings, ...start }, stage);
      await runTraining(folder);
      losses[name] = outcomeOf(readMetrics(folder));
      folders[name] = shapeOf(folder);
    }
  } finally {
    runs.end();
  }
  return { losses, folders };
}

/** The file that describes the machine and its checkout. */
const MACHINE = "environment.json";
/** Settings whose values are paths and names of this test's process. */
const TEMPORARY = ["dataDir", "runName", "initFrom"];

function shapeOf(folder: string): RunFolderShape {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((file) => file.replace(/(tfevents)\..*/, "$1"))
    .sort();
  const read = (file: string) => JSON.parse(readFileSync(join(folder, file), "utf8"));
  const json = files.filter((file) => file.endsWith(".json") && !["config.json", MACHINE].includes(file));
  const config = Object.entries(read("config.json")).map(([name, value]) => [
    name,
    TEMPORARY.includes(name) ? "" : value,
  ]);
  return {
    files,
    config: Object.fromEntries(config),
    keys: Object.fromEntries(json.map((file) => [file, Object.keys(read(file))])),
    metrics: Object.fromEntries(readMetrics(folder).map((metric) => [metric.kind, Object.keys(metric)])),
  };
}

function outcomeOf(metrics: readonly Metric[]): PinnedRun {
  const ofKind = <Kind extends Metric["kind"]>(kind: Kind) =>
    metrics.filter((metric): metric is Extract<Metric, { kind: Kind }> => metric.kind === kind);
  return {
    losses: ofKind("step").map(({ loss }) => loss),
    validationLoss: ofKind("validation").at(-1)!.loss,
    mp5: ofKind("retrieval").at(-1)!.mp5,
  };
}

/** Returns the kind of CPU, its model and number of cores; losses on the same kind are equal to the last bit. */
export function cpuKind(): string {
  const info = readFileSync("/proc/cpuinfo", "utf8");
  const field = (name: string) => new RegExp(`^${name}\\s*: (.*)$`, "m").exec(info)?.[1] ?? "unknown";
  return `${field("vendor_id")} family ${field("cpu family")} model ${field("model")}, ${cpus().length} cores`;
}
