// TensorBoard's event files of a run (`tensorboard --logdir checkpoints`), one for each start of the run.
// Schema: tensorflow/core/util/event.proto, core/framework/summary.proto
import { readdirSync, readFileSync, truncateSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import protobuf from "protobufjs/light";
import { appendToFile } from "../common/files/files";
import { WEIGHT_KINDS } from "../model/weight_names";
import type { Metric } from "./metrics";
import { frameRecord, readRecords } from "./tfrecord";

const field = (type: string, id: number) => ({ type, id });

const EVENT = protobuf.Root.fromJSON({
  nested: {
    Event: {
      fields: {
        wallTime: field("double", 1),
        step: field("int64", 2),
        fileVersion: field("string", 3),
        summary: field("Summary", 5),
        sessionLog: field("SessionLog", 7),
      },
    },
    Summary: { fields: { value: { rule: "repeated", type: "Value", id: 1 } } },
    // A `oneof` writes zeros too; TensorBoard drops a point without a value.
    Value: {
      oneofs: { value: { oneof: ["simpleValue"] } },
      fields: { tag: field("string", 1), simpleValue: field("float", 2) },
    },
    SessionLog: { fields: { status: field("int32", 1) } },
  },
}).lookupType("Event");

/** An `Event`, with the fields that are used here. */
export interface Event {
  /** Seconds since 1970. */
  wallTime: number;
  step?: number;
  fileVersion?: string;
  summary?: { value: { tag: string; simpleValue: number }[] };
  sessionLog?: { status: number };
}

/** `SessionLog.START`: tells an open TensorBoard to forget this and later steps of the earlier files. */
const SESSION_START = 1;

/** Tags of the numbers that are drawn, by kind of metric and field. */
const SCALARS: { [Kind in Exclude<Metric["kind"], "end">]: Record<string, string> } = {
  step: {
    loss: "train/loss",
    learningRate: "train/learning_rate",
    backboneLearningRate: "train/backbone_learning_rate",
    margin: "train/margin",
    imagesPerSecond: "train/images_per_second",
    dataSeconds: "train/data_seconds",
    memoryMB: "train/memory_MB",
  },
  validation: { loss: "validation/loss", top1: "validation/top1", top5: "validation/top5" },
  retrieval: { mp5: "held_out/mP@5", r1: "held_out/R@1" },
};

/** Returns the paths of a run folder's event files, oldest first. */
export function eventFiles(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => name.startsWith("events.out.tfevents."));
  return names.sort().map((name) => join(folder, name));
}

/**
 * Drops what a killed process wrote after the run's last checkpoint (as `rewindMetrics` does), and starts a new file.
 * @param stepsDone steps of the run up to the checkpoint
 * @returns a function that adds a metric's numbers to the new file
 */
export function openEventFile(folder: string, stepsDone: number): (metric: Metric) => void {
  const before = eventFiles(folder);
  for (const path of before) rewindEventFile(path, stepsDone);
  const path = newEventFile(folder, before);
  const write = (event: Event) => appendToFile(path, frameRecord(encodeEvent(event)));
  write({ wallTime: Date.now() / 1000, fileVersion: "brain.Event:2" });
  if (before.length > 0) {
    write({ wallTime: Date.now() / 1000, step: stepsDone + 1, sessionLog: { status: SESSION_START } });
  }
  return (metric) => {
    if (metric.kind === "end") return;
    write({ wallTime: Date.now() / 1000, step: metric.step, summary: { value: scalarsOf(metric) } });
  };
}

/** Names a file as TensorFlow does. TensorBoard reads files by name, so names ascend even if the clock does not. */
function newEventFile(folder: string, before: readonly string[]): string {
  const last = /tfevents\.(\d+)\./.exec(before.at(-1) ?? "")?.[1] ?? 0;
  const second = Math.max(Math.floor(Date.now() / 1000), Number(last));
  const name = `events.out.tfevents.${String(second).padStart(10, "0")}`;
  const running = String(before.length).padStart(4, "0");
  return join(folder, `${name}.${running}.${hostname()}.${process.pid}`);
}

/** Returns the numbers of a metric with their tags; tags of averaged weights end in `_ema` and `_swa`. */
function scalarsOf(metric: Exclude<Metric, { kind: "end" }>): { tag: string; simpleValue: number }[] {
  return WEIGHT_KINDS.flatMap((kind) => {
    const scores = kind === "raw" ? metric : metric.kind === "step" ? undefined : metric[kind];
    const ending = kind === "raw" ? "" : `_${kind}`;
    if (!scores) return [];
    return Object.entries(SCALARS[metric.kind]).map(([name, tag]) => ({
      tag: tag + ending,
      simpleValue: (scores as unknown as Record<string, number>)[name]!,
    }));
  });
}

/** Cuts a file before its first event that the run will write again. */
function rewindEventFile(path: string, stepsDone: number): void {
  let end = 0;
  for (const record of readRecords(readFileSync(path))) {
    const { step = 0, summary } = decodeEvent(record.data);
    const isStep = summary?.value[0]?.tag === SCALARS.step.loss;
    if (step > stepsDone || (summary && !isStep && step === stepsDone)) break;
    end = record.end;
  }
  truncateSync(path, end);
}

/** Encodes an event. */
export function encodeEvent(event: Event): Uint8Array {
  return EVENT.encode(event).finish();
}

/** Decodes an event. */
export function decodeEvent(bytes: Uint8Array): Event {
  return EVENT.toObject(EVENT.decode(bytes), { longs: Number }) as Event;
}
