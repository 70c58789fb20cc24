// Losses of 30 steps of both stages, with the tiny tower and pictures that the test draws.
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
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

/** Trains all cases. @returns case -> pinned values */
export async function trainAll(): Promise<Record<string, PinnedRun>> {
  const runs = new TinyRuns("pinned", SHAPE);
  await runs.start();
  const pinned: Record<string, PinnedRun> = {};
  try {
    for (const [name, { stage, settings }] of Object.entries(CASES)) {
      const start = name === "fine_tune" ? { initFrom: runs.name("frozen") } : {};
      const folder = runs.prepare(name, { ...settings, ...start }, stage);
      await runTraining(folder);
      pinned[name] = outcomeOf(readMetrics(folder));
    }
  } finally {
    runs.end();
  }
  return pinned;
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
