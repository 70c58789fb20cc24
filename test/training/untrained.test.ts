// Scores of the untrained backbone: measured once with a run, kept beside the features, the same for both stages.
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { scoreRetrievalSet } from "guie/dist/embedding/embed_images";
import { ensureFeatures } from "guie/dist/features/features";
import { summarise } from "guie/dist/runs/run_summary";
import { readRunData } from "guie/dist/training/data/read_run_data";
import { runTraining } from "guie/dist/training/run";
import { scoreUntrained } from "guie/dist/training/untrained";
import { TinyRuns } from "./tiny_runs";

const runs = new TinyRuns("untrained", { nEpochs: 1, maxStepsPerEpoch: 1 });
before(() => runs.start());
after(() => runs.end());

test("a frozen run records the scores of its backbone on its queries", async () => {
  const config = runs.config("frozen", {}, "frozen");
  const { retrieval } = await runTraining(runs.prepare("frozen", {}, "frozen"));
  const { queries, index, own } = (await readRunData(config)).retrieval!;
  const { mp5, r1 } = await scoreRetrievalSet({
    queries: await ensureFeatures(config, "queries", queries.files),
    queryLabels: queries.labels,
    index: await ensureFeatures(config, "index", index.files),
    indexLabels: index.labels,
    own,
  });
  assert.deepEqual(retrieval!.untrained!.backbone, { mp5, r1 });
});

test("the scores are kept beside the features, and a fine-tuned run takes them from there", async () => {
  const path = join(runs.dataDir, "features/untrained.json");
  assert.ok(existsSync(path));
  const kept = JSON.parse(readFileSync(path, "utf8")) as { rule: string; scores: Record<string, object> };
  const [[key, measured]] = Object.entries(kept.scores) as [[string, object]];
  const other = { backbone: { mp5: 0.25, r1: 0.5 } };
  writeFileSync(path, JSON.stringify({ ...kept, scores: { [key]: other } }));
  const folder = runs.prepare("tuned");
  await runTraining(folder);
  assert.deepEqual(summarise(folder).retrieval!.untrained, other);

  const config = runs.config("frozen", {}, "frozen");
  const data = await readRunData(config);
  for (const old of [{ rule: "an older rule", scores: { [key]: other } }, { [key]: other }]) {
    writeFileSync(path, JSON.stringify(old));
    assert.deepEqual(await scoreUntrained(config, data), measured, "scores by another rule are made anew");
    assert.deepEqual(JSON.parse(readFileSync(path, "utf8")), {
      rule: kept.rule,
      scores: { [key]: measured },
    });
  }
});

test("a fine-tuned run without cached features computes them if that is cheap", async () => {
  const config = runs.config("tuned2", { imageSize: 42 });
  const untrained = await scoreUntrained(config, await readRunData(config));
  assert.ok(untrained?.backbone);
});

test("features that would take long are not computed, and the reason is given", async () => {
  const config = runs.config("large", { tower: "dinov2-vit-s-14", imageSize: 1120, weights: "random" });
  const { leftOut } = (await scoreUntrained(config, await readRunData(config)))!;
  assert.match(leftOut!, /^not scored, because its features would take about .*--stage frozen$/);
});
