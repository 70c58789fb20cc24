// Searches: their runs in both stages, the comparison seed by seed, and the tables on disk.
import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { relative } from "node:path";
import { after, test } from "node:test";
import { projectRoot } from "guie/dist/common/project";
import { overrideConfig } from "guie/dist/config/config";
import { tiny } from "guie/dist/config/presets";
import { planSearch, type SearchPlan, type SearchRequest } from "guie/dist/experiments/search_plan";
import { nameOf, searchNotes, writeSearch } from "guie/dist/experiments/search_report";
import { searchRows, verdictOf } from "guie/dist/experiments/search_rows";
import { parseVariation } from "guie/dist/experiments/variations";
import { writeQueryScores } from "guie/dist/runs/query_scores";
import { runFolder } from "guie/dist/runs/run_folder";

const NAME = `test-search-${process.pid}`;
after(() => rmSync(runFolder(NAME), { recursive: true, force: true }));

const frozen = overrideConfig(tiny("frozen"), { s: 20, margin: 0.3 });
const fineTune = overrideConfig(tiny("fine_tune"), { s: 20, margin: 0.3 });

function planOf(words: readonly string[], changes: Partial<SearchRequest> = {}): SearchPlan {
  return planSearch({
    name: NAME,
    stage: "frozen",
    configs: { frozen },
    variations: words.map(parseVariation),
    together: false,
    seeds: [1, 2],
    ...changes,
  });
}

test("seed by seed, the config as it is first and once; values that it has are left out", () => {
  const { runs } = planOf(["s=10,20", "margin=0.5,0.3"]);
  assert.deepEqual(runs.map(nameOf), [
    "frozen seed 1",
    "frozen seed 1, s 10",
    "frozen seed 1, margin 0.5",
    "frozen seed 2",
    "frozen seed 2, s 10",
    "frozen seed 2, margin 0.5",
  ]);
  assert.equal(new Set(runs.map(({ folder }) => folder)).size, 6, "one folder per run");
});

test("together: every combination with every seed; a setting that is set twice is refused", () => {
  const { experiments, runs } = planOf(["s=10,20", "margin=0.1,0.3,0.5"], { together: true });
  assert.deepEqual([experiments.length, runs.length], [6, 12]);
  assert.throws(() => planOf(["s=10", "s=12"], { together: true }), /--vary sets s twice at once/);
});

test("recipes of the augmentation are varied by name or by their rows", () => {
  const words = ['augmentation=original,photos,[{"name":"ToGray"}]'];
  const { runs } = planOf(words, { stage: "fine_tune", configs: { fine_tune: fineTune }, seeds: [1] });
  assert.deepEqual(runs.map(nameOf), [
    "fine_tune seed 1", // original is what it has
    "fine_tune seed 1, augmentation photos",
    'fine_tune seed 1, augmentation [{"name":"ToGray"}]',
  ]);
  assert.equal(new Set(runs.map(({ folder }) => folder)).size, 3);
  assert.throws(() => planOf(words, { seeds: [1] }), /augmentation: of no use without --stage fine_tune/);
});

test("lists have folders of their own", () => {
  const { runs } = planOf(["gpus=[0,1],[0.1]".replace("[0.1]", "[1]"), "weights=a/b,a_b"], { seeds: [1] });
  const names = runs.map(({ config }) => config.runName);
  assert.equal(new Set(names).size, 5);
  assert.match(names[1]!, /^gpus__0_1_-seed_1-[0-9a-f]{8}$/);
});

test("both stages: a frozen run per seed, shared by what does not touch it", () => {
  const words = ["trainedBlocks=1", "margin=0.5", "frozen.initLr=0.1", "fine_tune.initLr=0.2"];
  const plan = planOf(words, { stage: "both", configs: { frozen, fine_tune: fineTune }, seeds: [1] });
  assert.deepEqual(plan.runs.map(nameOf), [
    "frozen seed 1",
    "fine_tune seed 1",
    "fine_tune seed 1, trainedBlocks 1",
    "fine_tune seed 1, initLr 0.2",
    "frozen seed 1, margin 0.5",
    "fine_tune seed 1, margin 0.5, from frozen margin 0.5",
    "frozen seed 1, initLr 0.1",
    "fine_tune seed 1, from frozen initLr 0.1",
  ]);
  for (const { start, config } of plan.runs.filter(({ config }) => config.stage === "fine_tune"))
    assert.equal(config.initFrom, relative(projectRoot(), start!.folder));
  assert.equal(new Set(plan.runs.map(({ folder }) => folder)).size, 8);
  const alone = planOf(["margin=0.5"], { stage: "fine_tune", configs: { frozen, fine_tune: fineTune } });
  assert.deepEqual(alone.runs.slice(0, 3).map(nameOf), [
    "frozen seed 1",
    "fine_tune seed 1",
    "fine_tune seed 1, margin 0.5",
  ]);
});

/** Gives a run scores of four queries of two classes. */
async function finish(plan: SearchPlan, at: number, scores: readonly number[], fingerprint: string) {
  const run = plan.runs[at]!;
  const mp5 = scores.reduce((sum, score) => sum + score, 0) / scores.length;
  const on = { dataDir: "d", classesOf: "training", fingerprint, queries: 4, classes: 2 } as const;
  Object.assign(run, { state: "finished", mp5, r1: mp5, seconds: 3, on });
  const files = scores.map((_, i) => `${fingerprint}_${i}.jpg`);
  const byKind = new Map([["raw", { mp5: scores, r1: scores }]] as const);
  await writeQueryScores(run.folder, { files, labels: [0, 0, 1, 1], byKind });
}

test("variations are compared seed by seed on the same queries, in a table on disk", async () => {
  const plan = planOf(["s=10", "margin=0.5", "margin=0.1"]);
  // every query of the first seed gains 0.2 by s 10, of the second one 0.1; margin 0.5 has one seed, and loses on one class
  await finish(plan, 0, [0.4, 0.4, 0.6, 0.6], "one");
  await finish(plan, 1, [0.6, 0.6, 0.8, 0.8], "one");
  await finish(plan, 2, [0.4, 0.4, 0.2, 0.2], "one");
  await finish(plan, 4, [0.2, 0.2, 0.2, 0.4], "two");
  await finish(plan, 5, [0.3, 0.3, 0.3, 0.5], "two");
  plan.runs[3]!.leftOut = "it takes about 3 s, 1 s are left";
  const rows = await searchRows(plan);
  const digits = (value: number | undefined) => value?.toFixed(3);
  assert.deepEqual(
    rows.map(({ setting, seeds, mp5Base, mp5, difference, verdict }) => [
      setting,
      seeds.join(),
      ...[mp5Base, mp5, difference?.mean, difference?.low, difference?.high, difference?.spread].map(digits),
      verdict,
    ]),
    [
      ["as it is", "1,2", undefined, "0.375", undefined, undefined, undefined, undefined, undefined],
      ["s 10", "1,2", "0.375", "0.525", "0.150", "0.100", "0.200", "0.100", "better"],
      ["margin 0.5", "1", "0.500", "0.300", "-0.200", "-0.400", "0.000", undefined, "undecided"],
      ["margin 0.1", "", undefined, undefined, undefined, undefined, undefined, undefined, undefined],
    ],
  );
  const environment = {
    commit: "0123456789abcdef",
    dirty: false,
    cpu: { model: "CPU | of a test", threads: 2 },
    device: { kind: "cpu", name: "" },
  } as const;
  const paths = await writeSearch(plan, rows, { command: "npx guie tune", environment });
  const csv = readFileSync(paths.csv, "utf8").split("\n");
  assert.equal(
    csv[0],
    "setting,data,stage,seeds,mp5_base,mp5,difference,low,high,difference_spread,spread,r1,top1,seconds,verdict",
  );
  assert.equal(csv.length, 6);
  const lines = readFileSync(paths.markdown, "utf8").split("\n");
  assert.ok(lines.includes("commit 0123456; CPU \\| of a test, 2 cores"));
  assert.ok(
    lines.includes(
      `| s 10 | ${frozen.dataDir} | frozen | 1, 2 | 0.375 | 0.525 | +0.150 [+0.100, +0.200] | 0.100 | 3 | better |`,
    ),
    lines.join("\n"),
  );
  assert.match(searchNotes(plan).join("\n"), /left for a later call: frozen seed 1, margin 0.1/);
});

test("runs of other queries, and runs older than the scores of queries, are not compared", async () => {
  const plan = planOf(["s=10", "margin=0.5"], { seeds: [3] });
  await finish(plan, 0, [0.4, 0.4, 0.6, 0.6], "one");
  await finish(plan, 1, [0.4, 0.4, 0.6, 0.6], "other");
  Object.assign(plan.runs[2]!, { state: "finished", mp5: 0.5 });
  const rows = await searchRows(plan);
  assert.deepEqual(
    rows.map(({ notCompared, verdict }) => [notCompared, verdict]),
    [
      [undefined, undefined],
      ["scored on other queries", undefined],
      ["trained before runs kept the scores of their queries", undefined],
    ],
  );
});

test("a difference inside its interval's reach of 0, or below the spread over seeds, is undecided", () => {
  assert.equal(verdictOf({ mean: 0.02, low: -0.01, high: 0.05, spread: 0.01 }), "undecided");
  assert.equal(verdictOf({ mean: 0.02, low: 0.01, high: 0.03, spread: 0.03 }), "undecided");
  assert.equal(verdictOf({ mean: 0.02, low: 0.01, high: 0.03, spread: 0.01 }), "better");
  assert.equal(verdictOf({ mean: -0.02, low: -0.03, high: -0.01 }), "worse");
});
