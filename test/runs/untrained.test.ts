// The words about the untrained backbone in summaries of training.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMetric } from "guie/dist/runs/metrics";
import { scoredOnText } from "guie/dist/runs/scored_on";
import { gainOf, quotedText, untrainedText } from "guie/dist/runs/untrained";

const score = (mp5: number) => ({ mp5, r1: mp5 });

test("a run below the untrained backbone is called worse than no training", () => {
  const untrained = { backbone: score(0.965), whitened: score(0.9) };
  assert.equal(
    untrainedText({ ...score(0.776), untrained }),
    "no training: backbone mP@5 0.965, whitened 0.900; worse than no training by 0.189",
  );
});

test("a gain is measured against the better of raw and whitened", () => {
  const untrained = { backbone: score(0.5), whitened: score(0.6) };
  assert.equal(gainOf({ ...score(0.55), untrained })?.toFixed(2), "-0.05");
  assert.match(untrainedText({ ...score(0.65), untrained }), /; 0\.050 better than no training$/);
  assert.match(untrainedText({ ...score(0.6), untrained }), /; no better than no training$/);
});

test("without a whitening or without scores the summary says why", () => {
  assert.match(quotedText({ backbone: score(0.5) }), /not whitened: too few images/);
  assert.equal(
    untrainedText({ ...score(0.5), untrained: { leftOut: "not scored, because ..." } }),
    "no training: not scored, because ...",
  );
});

test("the scores are read from metrics, and runs that are older than them say nothing", () => {
  const line = { kind: "retrieval", epoch: 1, step: 8, queries: 13, ...score(0.5) };
  const parse = (value: object) => parseMetric("metrics.jsonl", 1, JSON.stringify(value));
  const untrained = { backbone: score(0.4), whitened: score(0.45) };
  assert.deepEqual(parse({ ...line, untrained }), { ...line, untrained });
  const old = parse(line);
  assert.ok(old.kind === "retrieval");
  assert.equal(untrainedText(old), "");
});

test("fewer than five held-out classes: the score is said to mean little", () => {
  const on = { dataDir: "data/mine", classesOf: "retrieval" as const, fingerprint: "3f2a91c0", queries: 17 };
  assert.match(scoredOnText({ ...on, classes: 4 }), /fewer than 5 classes means little, cross-validate$/);
  assert.doesNotMatch(scoredOnText({ ...on, classes: 5 }), /means little/);
});
