// Lines of progress: the rate counts only what was done since a stage's first report.
import assert from "node:assert/strict";
import { test } from "node:test";
import { describeProgress, terminalProgress } from "guie/dist/common/progress";

test("what was there before a stage began is not in its rate", () => {
  const report = { stage: "embed photos", done: 300, total: 310, unit: "images" };
  const line = (doneBefore: number) => describeProgress(report, { startedAtMs: 1000, doneBefore }, 6000);
  assert.equal(line(0), "embed photos: 300/310 images (96 %), 60.0 images/s, 1 s left");
  assert.equal(line(290), "embed photos: 300/310 images (96 %), 2.0 images/s, 5 s left");
  assert.equal(line(300), "embed photos: 300/310 images (96 %)", "no rate without anything done");
});

test("a terminal's line begins to count at the stage's first report", (t) => {
  let nowMs = 0;
  t.mock.method(performance, "now", () => nowMs);
  const lines: string[] = [];
  const stream = { isTTY: false, write: (line: string) => lines.push(line) > 0 };
  const onProgress = terminalProgress(stream as unknown as NodeJS.WriteStream);
  const report = (done: number) => onProgress({ stage: "embed", done, total: 400, unit: "images" });
  report(300);
  nowMs = 10_000;
  report(350);
  assert.match(lines[1]!, /350\/400 images \(87 %\), 5\.0 images\/s, 10 s left/);
});
