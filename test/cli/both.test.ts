// Tests both stages from the command line: the frozen run is shown wherever the fine-tuned one is.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { after, before, test } from "node:test";
import { installPath } from "guie/dist/common/project";
import type { SearchRow } from "guie/dist/experiments/search_rows";
import { viewRun } from "guie/dist/runs/follow";
import { readRunConfig, runFolder } from "guie/dist/runs/run_folder";
import { makeTinyData } from "../training/tiny_data";

const NAME = `test-both-${process.pid}`;
const FOLDERS = ["", "_search", "_seeds", "_failed"].flatMap((kind) =>
  ["", "_frozen", "_fine_tune"].map((stage) => `${NAME}${kind}${stage}`),
);
let dataDir: string;
before(async () => {
  dataDir = await makeTinyData();
});
after(() => {
  for (const folder of [dataDir, ...FOLDERS.map(runFolder)]) rmSync(folder, { recursive: true, force: true });
});

function guie(...args: string[]): string {
  const guie = installPath("lib/bin/guie.js");
  const { status, stdout, stderr } = spawnSync(process.execPath, [guie, ...args], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  return stdout;
}

const tiny = () => ["--config-name", "tiny", "--data-dir", dataDir, "--n-epochs", "1"];
const SHORT = ["--max-steps-per-epoch", "2"];

test("train --both: frozen, then fine_tune from there; the summary, runs and watch show where it started", () => {
  const summary = JSON.parse(guie("train", ...tiny(), ...SHORT, "--both", "--run-name", NAME, "--json"));
  const { frozen, baseline, retrieval, reason, steps } = summary;
  assert.deepEqual([reason, steps, frozen.reason, frozen.steps], ["finished", 2, "finished", 2]);
  assert.deepEqual(baseline, { run: `${NAME}_frozen`, mp5: frozen.retrieval.mp5, r1: frozen.retrieval.r1 });
  const line = `baseline ${NAME}_frozen: mP@5 ${baseline.mp5.toFixed(3)}, R@1 ${baseline.r1.toFixed(3)}`;
  const watched = guie("watch", `${NAME}_fine_tune`, "--once");
  assert.ok(watched.includes(line), watched);
  assert.doesNotMatch(guie("watch", `${NAME}_frozen`, "--once"), /baseline/);
  const rows = JSON.parse(guie("runs", "--json")).runs as Record<string, unknown>[];
  const row = rows.find(({ run }) => run === `${NAME}_fine_tune`)!;
  assert.deepEqual([row["mP@5"], row["baseline mP@5"]], [retrieval.mp5, baseline.mp5]);
  assert.match(guie("runs"), /mP@5 +mP@5, 95 % +baseline mP@5/);
});

test("tune --stage fine_tune: each seed starts from a frozen run with the same classes held out", () => {
  const search = ["tune", ...tiny(), ...SHORT, "--stage", "fine_tune", "--name", `${NAME}_search`];
  const { rows } = JSON.parse(
    guie(...search, "--set", "holdOutShare=0.34", "--seeds", "1,2", "--vary", "trainedBlocks=1", "--json"),
  );
  assert.deepEqual(
    rows.map(({ stage, setting, seeds }: SearchRow) => [stage, setting, seeds.length]),
    [
      ["fine_tune", "as it is", 2],
      ["fine_tune", "trainedBlocks 1", 2],
      ["frozen", "as it is", 2],
    ],
  );
  const { initFrom, seed, holdOutShare } = readRunConfig(
    `${runFolder(`${NAME}_search`)}/trainedBlocks_1-seed_2`,
  );
  assert.deepEqual([initFrom, seed, holdOutShare], [`checkpoints/${NAME}_search_frozen/seed_2`, 2, 0.34]);
});

test("tune --choose-on held-out-classes: a seed's run equals that of train --both with this seed", () => {
  const both = JSON.parse(
    guie("train", ...tiny(), ...SHORT, "--both", "--run-name", NAME, "--seed", "2", "--overwrite", "--json"),
  );
  const search = ["tune", ...tiny(), ...SHORT, "--stage", "fine_tune", "--name", `${NAME}_seeds`];
  const { rows } = JSON.parse(guie(...search, "--choose-on", "held-out-classes", "--seeds", "1,2", "--json"));
  const { steps, retrievals } = viewRun(`${runFolder(`${NAME}_seeds`)}/seed_2`);
  assert.equal(steps.at(-1)!.loss, both.finalLoss);
  assert.deepEqual([retrievals.at(-1)!.mp5, retrievals.at(-1)!.r1], [both.retrieval.mp5, both.retrieval.r1]);
  const frozen = [1, 2].map((seed) => viewRun(`${runFolder(`${NAME}_seeds_frozen`)}/seed_${seed}`));
  const [one, two] = frozen.map(({ retrievals }) => retrievals.at(-1)!.mp5) as [number, number];
  assert.equal(two, both.frozen.retrieval.mp5);
  const start = rows.find(({ stage }: SearchRow) => stage === "frozen");
  assert.deepEqual([start.seeds, start.mp5, start.spread], [[1, 2], (one + two) / 2, Math.abs(one - two)]);
});

test("tune exits with 1 if a run failed, prints its reason, and keeps the others", () => {
  const name = `${NAME}_failed`;
  const args = [
    ...tiny(),
    ...SHORT,
    "--name",
    name,
    "--vary",
    "initLr=1e38",
    "--set",
    "holdOutShare=0.34",
    "--json",
  ];
  const child = spawnSync(process.execPath, [installPath("lib/bin/guie.js"), "tune", ...args], {
    encoding: "utf8",
  });
  assert.equal(child.status, 1, child.stderr);
  const { failed, rows } = JSON.parse(child.stdout);
  assert.deepEqual([failed, rows.map(({ seeds }: SearchRow) => seeds.length)], [1, [1, 0]]);
  assert.match(child.stderr, /initLr 1e\+38: failed The loss is/);
});
