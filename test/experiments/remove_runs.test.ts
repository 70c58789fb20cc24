// Deleting runs: what is refused, what is said, what a killed deletion leaves.
import assert from "node:assert/strict";
import { existsSync, linkSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { claim } from "guie/dist/common/files/claim";
import { bytesBelow, bytesText } from "guie/dist/common/files/disk_use";
import { setRoot } from "guie/dist/common/project";
import { overrideConfig } from "guie/dist/config/config";
import { preset } from "guie/dist/config/presets";
import { listSweeps, planRemoval, removeRuns } from "guie/dist/experiments/remove_runs";
import { temporaryFolder, writeFile } from "../folders";
import { guie } from "../in_process";

/** Writes a run's folder: 100 bytes of weights under two names; with a last metric if it has finished. */
function writeRun(root: string, run: string, { initFrom = "", finished = true } = {}): string {
  const folder = join(root, "checkpoints", run);
  const config = overrideConfig(preset("tiny", "frozen"), { runName: run.split("/").at(-1)!, initFrom });
  writeFile(join(folder, "config.json"), JSON.stringify(config));
  writeFile(join(folder, "last.safetensors"), new Uint8Array(100));
  linkSync(join(folder, "last.safetensors"), join(folder, "best.safetensors"));
  const end = { kind: "end", reason: finished ? "finished" : "stopped", elapsedSeconds: 1 };
  writeFile(join(folder, "metrics.jsonl"), `${JSON.stringify(end)}\n`);
  return folder;
}

/** Makes a temporary folder the root of relative paths. */
function useRoot(t: Parameters<typeof temporaryFolder>[0]): string {
  const root = temporaryFolder(t);
  setRoot(root);
  t.after(() => setRoot(""));
  return root;
}

test("a run is deleted whole and its bytes are counted once; data and the other runs stay", async (t) => {
  const root = useRoot(t);
  const folder = writeRun(root, "mine");
  const other = writeRun(root, "other");
  writeFile(join(root, "data", "shop", "a.jpg"), "photo");
  const refused = await guie("rm", "mine");
  assert.match(refused.stderr, /would delete:\nmine \(run, [\d.]+ KB\)\n {2}Next: Add --yes/);
  assert.ok(existsSync(folder));
  const [removal] = planRemoval(["mine"]);
  assert.equal(removal!.bytes, bytesBelow(folder));
  const { stdout, status } = await guie("rm", "mine", "--yes", "--json");
  assert.equal(status, 0);
  assert.equal(JSON.parse(stdout).bytes, removal!.bytes);
  assert.deepEqual([existsSync(folder), existsSync(other)], [false, true]);
  assert.ok(existsSync(join(root, "data", "shop", "a.jpg")));
  assert.match((await guie("rm", "mine", "--yes")).stderr, /Expected a run at .*mine: there is none/);
});

test("bytes of hard links count once, and are told in words", (t) => {
  const folder = temporaryFolder(t);
  writeFile(join(folder, "sub", "a"), new Uint8Array(1000));
  linkSync(join(folder, "sub", "a"), join(folder, "b"));
  writeFile(join(folder, "c"), new Uint8Array(24));
  assert.equal(bytesBelow(folder), 1024);
  assert.deepEqual([1024, 2 ** 20, 260_000_000].map(bytesText), ["1 KB", "1.0 MB", "248 MB"]);
});

test("a run that is under way, or that others need, is refused; one that others started from is told", (t) => {
  const root = useRoot(t);
  const start = writeRun(root, "start");
  writeRun(root, "tuned", { initFrom: "start" });
  assert.match(planRemoval(["start"])[0]!.note, /^tuned started from it/);
  assert.equal(planRemoval(["start", "tuned"])[0]!.note, "", "both go");
  writeRun(root, "waiting", { initFrom: "start/best:ema", finished: false });
  assert.throws(() => planRemoval(["start"]), /start is needed by waiting, which has not finished/);
  planRemoval(["start", "waiting"]);
  const held = claim(start, "The run");
  t.after(() => held.release());
  assert.throws(() => planRemoval(["start", "waiting"]), /is under way \(process \d+/);
});

test("only runs are deleted: no foreign file, no folder elsewhere, nothing half", (t) => {
  const root = useRoot(t);
  const folder = writeRun(root, "mine");
  writeFile(join(folder, "notes.txt"), "my notes");
  assert.throws(() => planRemoval(["mine"]), /holds what is not part of a run: notes.txt/);
  renameSync(folder, join(root, "elsewhere"));
  assert.throws(() => planRemoval([join(root, "elsewhere")]), /is not below .*checkpoints/);
  assert.throws(() => planRemoval(["."]), /is not below/);
  mkdirSync(join(root, "checkpoints", "empty"));
  assert.throws(() => planRemoval(["empty"]), /is not a run of this project/);
  const killed = join(root, "checkpoints", ".gone.dropped");
  writeFile(join(killed, "last.safetensors"), "half");
  writeRun(root, "next");
  removeRuns(planRemoval(["next"]));
  assert.ok(!existsSync(killed), "the deletion that was killed has ended");
});

test("a sweep is deleted with its runs, or one of these alone", (t) => {
  const root = useRoot(t);
  writeRun(root, "lr_sweep/initLr_0.01");
  writeRun(root, "lr_sweep/initLr_0.02");
  writeFile(join(root, "checkpoints/lr_sweep/search.csv"), "settings\n");
  assert.deepEqual(listSweeps(), ["lr_sweep"]);
  removeRuns(planRemoval(["lr_sweep/initLr_0.02"]));
  assert.deepEqual(
    planRemoval(["lr_sweep"]).map(({ what }) => what),
    ["sweep"],
  );
  removeRuns(planRemoval(["lr_sweep"]));
  assert.ok(!existsSync(join(root, "checkpoints/lr_sweep")));
});
