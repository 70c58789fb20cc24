// TensorBoard's event files: compared with a golden of TensorBoard's own writer, and after a killed run.
import assert from "node:assert/strict";
import { appendFileSync, readFileSync, renameSync } from "node:fs";
import { test } from "node:test";
import { readJson } from "guie/dist/common/files/files";
import { installPath } from "guie/dist/common/project";
import { decodeEvent, encodeEvent, eventFiles, openEventFile } from "guie/dist/runs/event_files";
import type { StepMetric, ValidationMetric } from "guie/dist/runs/metrics";
import { crc32c, frameRecord, readRecords } from "guie/dist/runs/tfrecord";
import { z } from "zod";
import { temporaryFolder } from "../folders";

test("CRC-32C: the vectors of RFC 3720", () => {
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
});

test("the bytes equal those of TensorBoard's own writer", () => {
  const golden = readJson(
    installPath("test/golden/events.json"),
    z.object({ base64: z.string(), ends: z.array(z.number()) }),
  );
  const expected = Buffer.from(golden.base64, "base64");
  const value = [
    { tag: "train/loss", simpleValue: 0.1 },
    { tag: "train/margin", simpleValue: 0 },
  ];
  const events = [
    { wallTime: 1.5, fileVersion: "brain.Event:2" },
    { wallTime: 2.25, step: 7, sessionLog: { status: 1 } },
    { wallTime: 3, step: 3_000_000_000, summary: { value } },
  ];
  const written = Buffer.concat(events.map((event) => frameRecord(encodeEvent(event))));
  assert.equal(written.toString("hex"), expected.toString("hex"));
  assert.deepEqual(
    [...readRecords(expected)].map(({ end }) => end),
    golden.ends,
  );
});

test("reading ends at a record that is cut short or damaged", () => {
  const [first, second] = [frameRecord(Buffer.from("one")), frameRecord(Buffer.from("two"))];
  const texts = (bytes: Buffer) => [...readRecords(bytes)].map(({ data }) => Buffer.from(data).toString());
  assert.deepEqual(texts(Buffer.concat([first, second])), ["one", "two"]);
  assert.deepEqual(texts(Buffer.concat([first, second.subarray(0, -1)])), ["one"]);
  assert.deepEqual(texts(Buffer.concat([first, second.map((byte, i) => (i === 13 ? byte ^ 1 : byte))])), [
    "one",
  ]);
});

const stepMetric = (step: number): StepMetric => ({
  kind: "step",
  stage: "frozen",
  epoch: 1,
  step,
  totalSteps: 6,
  loss: 10 - step,
  learningRate: 0.01,
  backboneLearningRate: 0,
  margin: 0.25,
  imagesPerSecond: 100,
  dataSeconds: 0.01,
  memoryMB: 500,
  elapsedSeconds: step,
});
const validation = (step: number): ValidationMetric => ({
  kind: "validation",
  epoch: 1,
  step,
  loss: 2,
  top1: 0.5,
  top5: 0.75,
  images: 8,
});

/** Returns [step, tag, value] of all scalars in a file. */
const scalarsOf = (path: string) =>
  [...readRecords(readFileSync(path))].flatMap(({ data }) => {
    const { step, summary } = decodeEvent(data);
    return (summary?.value ?? []).map(({ tag, simpleValue }) => [step, tag, simpleValue] as const);
  });

test("a resumed run appends a file and repeats no step", (t) => {
  const folder = temporaryFolder(t);
  const first = openEventFile(folder, 0);
  for (const step of [1, 2, 3]) first(stepMetric(step));
  first(validation(3));
  first(stepMetric(4));
  appendFileSync(eventFiles(folder)[0]!, frameRecord(Buffer.from("x")).subarray(0, 9)); // killed while writing
  const second = openEventFile(folder, 3); // the checkpoint is at step 3: its epoch is evaluated again
  second(validation(3));
  for (const step of [4, 5, 6]) second(stepMetric(step));

  const files = eventFiles(folder);
  assert.equal(files.length, 2);
  const scalars = files.flatMap(scalarsOf);
  const losses = scalars.filter(([, tag]) => tag === "train/loss");
  assert.deepEqual(
    losses.map(([step, , value]) => [step, value]),
    [1, 2, 3, 4, 5, 6].map((step) => [step, 10 - step]),
  );
  assert.deepEqual(
    scalars.filter(([, tag]) => tag.startsWith("validation/")),
    [
      [3, "validation/loss", 2],
      [3, "validation/top1", 0.5],
      [3, "validation/top5", 0.75],
    ],
  );
  const opening = [...readRecords(readFileSync(files[1]!))].slice(0, 2).map(({ data }) => decodeEvent(data));
  assert.equal(opening[0]!.fileVersion, "brain.Event:2");
  assert.deepEqual([opening[1]!.step, opening[1]!.sessionLog], [4, { status: 1 }]);
});

test("a file started after the clock was set back still comes last", (t) => {
  const folder = temporaryFolder(t);
  openEventFile(folder, 0);
  const [first] = eventFiles(folder);
  const tomorrow = first!.replace(/tfevents\.(\d+)/, (_, second) => `tfevents.${Number(second) + 86_400}`);
  renameSync(first!, tomorrow);
  openEventFile(folder, 0);
  const files = eventFiles(folder);
  assert.equal(files.length, 2);
  assert.equal(files[0], tomorrow);
});
