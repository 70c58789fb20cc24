// Searches: their runs, the summary over seeds, and the table on disk.
import assert from "node:assert/strict";
import { readFileSync, rmSync } from "node:fs";
import { after, test } from "node:test";
import { overrideConfig } from "guie/dist/config/config";
import { tiny } from "guie/dist/config/presets";
import type { SweepRun } from "guie/dist/experiments/sweep";
import {
  parseVariation,
  planSearch,
  searchRows,
  settingsText,
  writeSearch,
} from "guie/dist/experiments/tune";
import { runFolder } from "guie/dist/runs/run_folder";

const NAME = `test-search-${process.pid}`;
const config = overrideConfig(tiny("frozen"), { s: 20, margin: 0.3 });
after(() => rmSync(runFolder(NAME), { recursive: true, force: true }));

const textsOf = (runs: readonly SweepRun[]) => runs.map(({ settings }) => settingsText(settings));

test("typed variations are parsed", () => {
  assert.deepEqual(parseVariation("margin=0.2,0.3"), { margin: [0.2, 0.3] });
  assert.deepEqual(parseVariation("neck=simple,norm_single_linear"), {
    neck: ["simple", "norm_single_linear"],
  });
  assert.deepEqual(parseVariation("standardise=false"), { standardise: [false] });
  assert.throws(() => parseVariation("margin"), /Expected SETTING=VALUE/);
});

test("each variation alone: the config as it is comes once, even if variations repeat its values", () => {
  const runs = planSearch(config, [{ s: [10, 20] }, { margin: [0.5] }], {
    name: NAME,
    seeds: [1, 2],
    together: false,
  });
  const expected = ["", "s 10, ", "margin 0.5, "].flatMap((word) =>
    ["seed 1", "seed 2"].map((seed) => [word, seed]),
  );
  assert.deepEqual(
    textsOf(runs).sort(),
    expected.map(([word, seed]) => (word ? `${seed}, ${word}`.replace(/, $/, "") : seed!)).sort(),
  );
  assert.equal(new Set(runs.map(({ folder }) => folder)).size, 6, "one folder per run");
});

test("together: every combination with every seed; wrong settings are refused", () => {
  const options = { name: NAME, seeds: [1, 2, 3], together: true };
  const runs = planSearch(config, [{ s: [10, 20] }, { margin: [0.1, 0.3, 0.5] }], options);
  assert.equal(runs.length, 18);
  assert.throws(() => planSearch(config, [parseVariation("marginn=1")], options), /Did you mean "margin"/);
});

test("seeds are summarised by mean and spread, best first, in a table on disk", async () => {
  const runs = planSearch(config, [{ s: [10, 20] }], { name: NAME, seeds: [1, 2], together: true });
  const scores = [0.4, 0.7, 0.5, 0.6]; // of s 10 and 20 with seed 1, then with seed 2
  for (const [i, run] of runs.entries())
    Object.assign(run, { state: "finished", mp5: scores[i], seconds: 3 });
  runs[2]!.state = "failed";
  const rows = searchRows(runs);
  assert.deepEqual(
    rows.map(({ settings, runs, mp5, spread }) => [settings.s, runs, mp5?.toFixed(3), spread?.toFixed(3)]),
    [
      [20, 2, "0.650", "0.100"],
      [10, 1, "0.400", undefined],
    ],
  );
  const text = readFileSync(await writeSearch(NAME, rows), "utf8");
  assert.equal(text.split("\n")[0], "settings,runs,mp5,spread,r1,top1,seconds");
  assert.match(text, /\ns 20,2,0\.6[45]\d*,0\.09\d*,,,3\n/);
});

test("runs come seed by seed, each starting from its seed's run if `startOf` is given", () => {
  const startOf = (seed: number) => `start_${seed}`;
  const options = { name: NAME, seeds: [1, 2], together: true, startOf };
  const runs = planSearch(config, [{ margin: [0.1, 0.5] }], options);
  assert.deepEqual(
    runs.map(({ settings, config }) => [settings.seed, settings.margin, config.initFrom]),
    [
      [1, 0.1, "start_1"],
      [1, 0.5, "start_1"],
      [2, 0.1, "start_2"],
      [2, 0.5, "start_2"],
    ],
  );
});
