/** One line of a run's `metrics.jsonl`. */
export type Metric = StepMetric | ValidationMetric | RetrievalMetric | EndMetric;

/** After every optimizer step. */
export interface StepMetric {
  kind: "step";
  stage: "frozen" | "fine_tune";
  /** From 1. */
  epoch: number;
  /** Steps done in the whole run, from 1, and how many it will have. */
  step: number;
  totalSteps: number;
  loss: number;
  /** Learning rate of neck and head. */
  learningRate: number;
  /** 0 where the backbone is frozen. */
  backboneLearningRate: number;
  /** ArcFace margin, radians. */
  margin: number;
  imagesPerSecond: number;
  memoryMB: number;
  elapsedSeconds: number;
}

/** After every epoch: over the validation fold, all training classes. Shares are 0..1. */
export interface ValidationMetric {
  kind: "validation";
  epoch: number;
  step: number;
  loss: number;
  top1: number;
  top5: number;
  images: number;
}

/** Retrieval on held-out classes. */
export interface RetrievalMetric {
  kind: "retrieval";
  epoch: number;
  step: number;
  /** The competition's mean Precision@5, 0..1. */
  mp5: number;
  /** Recall@1, 0..1. */
  r1: number;
  queries: number;
}

/** The last line of a finished run. */
export interface EndMetric {
  kind: "end";
  reason: "finished" | "stopped" | "failed";
  message?: string;
  elapsedSeconds: number;
}

/** The last line of each kind. */
export interface LatestMetrics {
  step?: StepMetric;
  validation?: ValidationMetric;
  retrieval?: RetrievalMetric;
  end?: EndMetric;
}

/** Picks the last line of each kind. */
export function latestMetrics(metrics: readonly Metric[]): LatestMetrics {
  return Object.fromEntries(metrics.map((metric) => [metric.kind, metric]));
}
