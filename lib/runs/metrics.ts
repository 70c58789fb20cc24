// The lines of `metrics.jsonl`: their types, their schema, their parser.
import { z } from "zod";
import { parseJson } from "../common/schema";
import type { Average, WeightKind } from "../model/weight_names";

/** One line of a run's `metrics.jsonl`. */
export type Metric = StepMetric | ValidationMetric | RetrievalMetric | EndMetric;

/** Written after every optimizer step. */
export interface StepMetric {
  kind: "step";
  stage: "frozen" | "fine_tune";
  /** From 1. */
  epoch: number;
  /** Steps taken in the whole run, from 1, and its planned number. */
  step: number;
  totalSteps: number;
  loss: number;
  /** Learning rate of neck and head. */
  learningRate: number;
  /** 0 if the backbone is frozen. */
  backboneLearningRate: number;
  /** ArcFace margin, radians. */
  margin: number;
  imagesPerSecond: number;
  /** Time that the step waited for its batch: near 0 if the loader keeps up. */
  dataSeconds: number;
  memoryMB: number;
  elapsedSeconds: number;
}

/** Classification scores on the validation fold, over all training classes. Shares are 0..1. */
export interface ValidationScores {
  loss: number;
  top1: number;
  top5: number;
}

/** Retrieval scores on held-out classes. */
export interface HeldOutScores {
  /** The competition's mean Precision@5, 0..1. */
  mp5: number;
  /** Recall@1, 0..1. */
  r1: number;
}

/** Scores of the untrained backbone on the queries and index of a run. */
export interface Untrained {
  /** Its features as the ladder's rung `backbone` has them: standardised if the run standardises. */
  backbone?: HeldOutScores | undefined;
  /** Its features whitened by those of the training images; undefined if these are too few. */
  whitened?: HeldOutScores | undefined;
  /** The reason for having no scores. */
  leftOut?: string | undefined;
}

/** The data that retrieval was scored on, and how much of it the model had learned. */
export interface ScoredOn {
  /** As given in the config. */
  dataDir: string;
  /** The classes of `retrieval/`, or training classes that the run held out. */
  classesOf: "retrieval" | "training";
  /** SHA-256 of queries and index: `setFingerprint` of scored_on.ts. */
  fingerprint: string;
  queries: number;
  classes: number;
  /** Number of these classes that the model was trained on; undefined if not known. */
  trainedOn?: number;
  /** `trainedOn` is a lower bound: the note is incomplete, or the classes have numbers for names. */
  atLeast?: true;
}

/** Scores of the raw weights, and of their averages if the run has them. */
type WithAverages<Scores> = Scores & Partial<Record<Average, Scores>>;

/** Written after every epoch: scores on the validation fold. */
export interface ValidationMetric extends WithAverages<ValidationScores> {
  kind: "validation";
  epoch: number;
  step: number;
  images: number;
}

/** Written after every epoch: retrieval on held-out classes. */
export interface RetrievalMetric extends WithAverages<HeldOutScores> {
  kind: "retrieval";
  epoch: number;
  step: number;
  /** Queries that count: their class is in the index. */
  queries: number;
  /** 95 % intervals of the raw weights' scores, by a bootstrap over classes; undefined in runs older than this field. */
  intervals?: Record<keyof HeldOutScores, { low: number; high: number }> | undefined;
  /** Undefined in runs older than this field. */
  on?: ScoredOn | undefined;
  /** The untrained backbone on the same queries; undefined in runs older than this field. */
  untrained?: Untrained | undefined;
}

/** Returns the scores of one kind of weights; undefined if they were not measured. */
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

/** JSON has no NaN and no infinity; both are written as null. */
const NUMBER = z.union([z.number(), z.null().transform(() => Number.NaN)]);
const COUNT = z.number().int().nonnegative();
const VALIDATION = { loss: NUMBER, top1: NUMBER, top5: NUMBER };
const HELD_OUT = { mp5: NUMBER, r1: NUMBER };
const INTERVAL = z.object({ low: NUMBER, high: NUMBER });

/** Adds the same scores of the averages, which may be absent. */
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

/** The schema of an untrained backbone's scores. */
export const UNTRAINED = z.object({
  backbone: z.object(HELD_OUT).optional(),
  whitened: z.object(HELD_OUT).optional(),
  leftOut: z.string().optional(),
});

/** One line; unknown fields are kept. */
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
    dataSeconds: NUMBER.default(0), // runs older than the loader's threads lack it
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
    intervals: z.object({ mp5: INTERVAL, r1: INTERVAL }).optional(),
    on: SCORED_ON.optional(),
    untrained: UNTRAINED.optional(),
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
 * @param line the line's number, from 1, for the message
 * @throws UserError if it is no metric
 */
export function parseMetric(path: string, line: number, text: string): Metric {
  return parseJson<Metric>(`${path}, line ${line}`, text, METRIC, "Remove that line.");
}

/** The last metric of each kind. */
export interface LatestMetrics {
  step?: StepMetric;
  validation?: ValidationMetric;
  retrieval?: RetrievalMetric;
  end?: EndMetric;
}

/** Returns the last metric of each kind. */
export function latestMetrics(metrics: readonly Metric[]): LatestMetrics {
  return Object.fromEntries(metrics.map((metric) => [metric.kind, metric]));
}
