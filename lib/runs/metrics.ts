// Reads and writes the lines of `metrics.jsonl`.
import { z } from "zod";
import { parseJson } from "../common/schema";
import type { Average, WeightKind } from "../model/weight_names";

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
  /** How long the step waited for its batch: near 0 where the loader keeps up. */
  dataSeconds: number;
  memoryMB: number;
  elapsedSeconds: number;
}

/** Classification over the validation fold, all training classes. Shares are 0..1. */
export interface ValidationScores {
  loss: number;
  top1: number;
  top5: number;
}

/** Retrieval on held-out classes. */
export interface HeldOutScores {
  /** The competition's mean Precision@5, 0..1. */
  mp5: number;
  /** Recall@1, 0..1. */
  r1: number;
}

/** What retrieval was scored on, and how much of it the model had learned. */
export interface ScoredOn {
  /** As it was given. */
  dataDir: string;
  /** `retrieval/`, or training classes that the run held out. */
  classesOf: "retrieval" | "training";
  /** SHA-256 of queries and index: `setFingerprint` of scored_on.ts. */
  fingerprint: string;
  queries: number;
  classes: number;
  /** How many of the classes the model was trained on; undefined where that is not known. */
  trainedOn?: number;
  /** There may be more of them: not all was noted that the model has learned, or it has numbers for names. */
  atLeast?: true;
}

/** Scores of the weights as they are, and of their averages where the run has them. */
type WithAverages<Scores> = Scores & Partial<Record<Average, Scores>>;

/** After every epoch: over the validation fold. */
export interface ValidationMetric extends WithAverages<ValidationScores> {
  kind: "validation";
  epoch: number;
  step: number;
  images: number;
}

/** After every epoch: retrieval on held-out classes. */
export interface RetrievalMetric extends WithAverages<HeldOutScores> {
  kind: "retrieval";
  epoch: number;
  step: number;
  /** Those that count: their class is in the index. */
  queries: number;
  /** Undefined in runs that were made before scores named their data. */
  on?: ScoredOn | undefined;
}

/** The scores of one kind of weights; undefined where they were not measured. */
export function scoresOf<Scores>(metric: WithAverages<Scores>, kind: WeightKind): Scores | undefined {
  return kind === "raw" ? metric : metric[kind];
}

/** The last line of a finished run. */
export interface EndMetric {
  kind: "end";
  reason: "finished" | "stopped" | "failed";
  message?: string;
  elapsedSeconds: number;
}

/** JSON has no NaN and no infinity: both are written as null. */
const NUMBER = z.union([z.number(), z.null().transform(() => Number.NaN)]);
const COUNT = z.number().int().nonnegative();
const VALIDATION = { loss: NUMBER, top1: NUMBER, top5: NUMBER };
const HELD_OUT = { mp5: NUMBER, r1: NUMBER };

/** The scores, and those of the averages that were evaluated beside them. */
function withAverages<Shape extends z.ZodRawShape>(scores: Shape) {
  return { ...scores, ema: z.object(scores).optional(), swa: z.object(scores).optional() };
}

const SCORED_ON = z.object({
  dataDir: z.string(),
  classesOf: z.enum(["retrieval", "training"]),
  fingerprint: z.string(),
  queries: COUNT,
  classes: COUNT,
  trainedOn: COUNT.optional(),
  atLeast: z.literal(true).optional(),
});

/** A line; what it holds besides stays. */
const METRIC = z.discriminatedUnion("kind", [
  z.looseObject({
    kind: z.literal("step"),
    stage: z.enum(["frozen", "fine_tune"]),
    epoch: COUNT,
    step: COUNT,
    totalSteps: COUNT,
    loss: NUMBER,
    learningRate: NUMBER,
    backboneLearningRate: NUMBER,
    margin: NUMBER,
    imagesPerSecond: NUMBER,
    memoryMB: NUMBER,
    elapsedSeconds: NUMBER,
    dataSeconds: NUMBER.default(0), // runs from before the loader's threads do not say
  }),
  z.looseObject({
    kind: z.literal("validation"),
    epoch: COUNT,
    step: COUNT,
    images: COUNT,
    ...withAverages(VALIDATION),
  }),
  z.looseObject({
    kind: z.literal("retrieval"),
    epoch: COUNT,
    step: COUNT,
    queries: COUNT,
    ...withAverages(HELD_OUT),
    on: SCORED_ON.optional(),
  }),
  z.looseObject({
    kind: z.literal("end"),
    reason: z.enum(["finished", "stopped", "failed"]),
    message: z.string().optional(),
    elapsedSeconds: NUMBER,
  }),
]);

/**
 * Reads a line of `metrics.jsonl`.
 * @param line its number, from 1, for the message
 * @throws UserError when it is no metric
 */
export function parseMetric(path: string, line: number, text: string): Metric {
  return parseJson<Metric>(`${path}, line ${line}`, text, METRIC, "Remove that line.");
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
