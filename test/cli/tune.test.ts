// Tests `guie tune` as a whole: both stages, a kill, a budget.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { installPath } from "guie/dist/common/project";
import type { SearchRow } from "guie/dist/experiments/search_rows";
import { readMetrics, runFolder } from "guie/dist/runs/run_folder";
import { makeTinyData } from "../training/tiny_data";

const NAME = `test-tune-${process.pid}`;
const GUIE = installPath("lib/bin/guie.js");
let dataDir: string;
before(async () => {
  dataDir = await makeTinyData();
});
after(() => {
  const searches = ["killed", "whole", "budget"].flatMap((name) => [
    `${NAME}-${name}`,
    `${NAME}-${name}_frozen`,
  ]);
  for (const folder of [dataDir, ...searches.map(runFolder)])
    rmSync(folder, { recursive: true, force: true });
});

const searchOf = (name: string, ...more: string[]) => [
  ...["tune", "--config-name", "tiny", "--data-dir", dataDir, "--name", `${NAME}-${name}`],
  ...["--set", "holdOutShare=0.34", "--json", ...more],
];
const BOTH = ["--stage", "both", "--vary", "fine_tune.initLr=0.02", "margin=0.1", "--seeds", "1,2"];

function ended(args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [GUIE, ...args], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  return { ...(JSON.parse(stdout) as { rows: SearchRow[]; left: number; markdown: string }), stderr };
}

/** Returns a row without its time. */
const scores = ({ rows }: { rows: SearchRow[] }) => rows.map(({ seconds, ...row }) => row);

test("a search that was killed goes on: finished runs stay, the half-done one resumes, the table is the same", async () => {
  const args = searchOf("killed", ...BOTH);
  const child = spawn(process.execPath, [GUIE, ...args], { stdio: "ignore" });
  const [done, half] = ["initLr", "margin"].map((_, i) =>
    join(runFolder(`${NAME}-killed`), i === 0 ? "seed_1" : "fine_tune.initLr_0.02-seed_1"),
  ) as [string, string];
  while (child.exitCode === null && !(existsSync(half) && readMetrics(half).length > 3)) await pause(20);
  child.kill("SIGKILL");
  assert.ok(existsSync(join(half, "last.safetensors")));
  const writtenAtMs = statSync(join(done, "metrics.jsonl")).mtimeMs;
  const resumed = ended(args);
  assert.equal(statSync(join(done, "metrics.jsonl")).mtimeMs, writtenAtMs);
  const whole = ended(searchOf("whole", ...BOTH));
  assert.deepEqual(scores(resumed), scores(whole));
  assert.deepEqual(
    whole.rows.map(({ stage, setting, seeds }) => `${stage}: ${setting}, seeds ${seeds}`).sort(),
    [
      "both: as it is, seeds 1,2",
      "both: fine_tune.initLr 0.02, seeds 1,2",
      "both: margin 0.1, seeds 1,2",
      "frozen: as it is, seeds 1,2",
      "frozen: margin 0.1, seeds 1,2",
    ],
  );
  for (const { setting, difference, verdict, mp5, mp5Base } of whole.rows) {
    if (setting === "as it is") continue;
    assert.ok(difference && verdict, setting);
    assert.ok(Math.abs(difference.mean - (mp5! - mp5Base!)) < 1e-9);
    assert.ok(difference.low <= difference.mean && difference.mean <= difference.high);
  }
  const markdown = readFileSync(whole.markdown, "utf8");
  assert.match(
    markdown,
    /^## test-tune-\d+-whole\n\n`npx guie tune --stage both --vary fine_tune.initLr=0.02 margin=0.1 --seeds 1,2 --name /,
  );
  assert.equal(
    markdown.split("\n").filter((line) => /^\| .* \| (both|frozen) \| 1, 2 \|/.test(line)).length,
    5,
  );
});

test("without time nothing is started, and what is left is named; the same command goes on", () => {
  const args = searchOf("budget", "--vary", "s=8");
  const none = ended([...args, "--minutes", "0"]);
  assert.equal(none.left, 2);
  assert.match(none.stderr, /frozen seed 999, s 8: left, it takes about .*, 0 s are left/);
  assert.match(
    readFileSync(none.markdown, "utf8"),
    /left for a later call: frozen seed 999; frozen seed 999, s 8/,
  );
  const all = ended([...args, "--minutes", "30"]);
  assert.deepEqual([all.left, all.rows.map(({ seeds }) => seeds.length)], [0, [1, 1]]);
});
