// Tests a read-only data directory, as shared data on a cluster are: cached files go elsewhere.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { installPath, projectPath } from "guie/dist/common/project";
import { runFolder } from "guie/dist/runs/run_folder";
import { temporaryFolder } from "../folders";
import { makeTinyData } from "../training/tiny_data";

const RUN = `test-read-only-${process.pid}`;
const GUIE = installPath("lib/bin/guie.js");
const MOUNT = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1"';
let dataDir = "";
before(async () => {
  dataDir = await makeTinyData();
});
after(() => {
  for (const folder of [dataDir, runFolder(RUN), runFolder(`${RUN}-search`), ...keptByItself()])
    rmSync(folder, { recursive: true, force: true });
});

/** Returns the folders kept for the data in the default cache. */
function keptByItself(): string[] {
  const kept = projectPath(".cache/kept");
  const names = existsSync(kept) ? readdirSync(kept) : [];
  return names.filter((name) => name.startsWith(basename(dataDir))).map((name) => join(kept, name));
}

/** Runs a command of `guie` on the data, mounted read-only. @param cache GUIE_CACHE_DIR */
function guie(command: string[], cache?: string) {
  const script = `${MOUNT} && shift && exec "$@"`;
  const child = spawnSync(
    "unshare",
    ["-rm", "sh", "-c", script, "sh", dataDir, process.execPath, GUIE, ...command],
    { encoding: "utf8", env: { ...process.env, ...(cache ? { GUIE_CACHE_DIR: cache } : {}) } },
  );
  return { status: child.status, out: child.stdout, err: child.stderr };
}

const mounts = spawnSync("unshare", ["-rm", "sh", "-c", MOUNT, "sh", tmpdir()]).status === 0;
const skip = !mounts && "nothing can be mounted read-only here";
const TINY = () => ["--data-dir", dataDir, "--config-name", "tiny"];

test("training, scores and tuning work on it; the place of their features is printed once", { skip }, () => {
  const commands: [string[], RegExp][] = [
    [["train", ...TINY(), "--stage", "frozen", "--run-name", RUN], /finished after \d+ steps/],
    [["compare", "backbone", RUN, ...TINY()], /backbone .*\n.*test-read-only/],
    [["reduce", ...TINY(), "--dimensions", "8"], /pca, 8/],
    [
      ["tune", ...TINY(), "--name", `${RUN}-search`, "--vary", "s=8", "--set", "holdOutShare=0.34"],
      /search\.csv/,
    ],
  ];
  const made = new Set<number>();
  for (const [command, expected] of commands) {
    const { status, out, err } = guie(command);
    assert.equal(status, 0, err);
    assert.match(out, expected);
    assert.equal(err.split(`${dataDir} is not writable: its cached results go to`).length, 2, err);
    const summary = join(keptByItself()[0]!, "features/tiny_28px_last2/train/features.json");
    made.add(statSync(summary).mtimeMs);
  }
  assert.equal(made.size, 1, "kept for the next command");
  assert.ok(!existsSync(join(dataDir, "features")));
});

test("GUIE_CACHE_DIR sets the place; features in the data directory are reused", {
  skip,
}, (t) => {
  const cache = temporaryFolder(t);
  const { status, out, err } = guie(["embed", ...TINY()], cache);
  assert.equal(status, 0, err);
  assert.doesNotMatch(err, /is not writable/);
  assert.match(
    out,
    new RegExp(`train: 36 images, ${cache}/${basename(dataDir)}-[0-9a-f]{8}/features/tiny_28px_last2/train`),
  );

  const written = spawnSync(process.execPath, [GUIE, "embed", ...TINY()], { encoding: "utf8" });
  assert.equal(written.status, 0, written.stderr);
  rmSync(cache, { recursive: true });
  const taken = guie(["embed", ...TINY()], cache);
  assert.match(taken.out, new RegExp(`train: 36 images, ${dataDir}/features/`));
  assert.ok(!existsSync(cache), "nothing was made again");
  rmSync(join(dataDir, "features"), { recursive: true });
});

test("writing there is an error in words, before any work", { skip }, (t) => {
  const commands = [
    ["embed", join(dataDir, "final_data_224"), "--config-name", "tiny", "--out", join(dataDir, "mine")],
    ["get-data", "--data-dir", join(dataDir, "demo"), "--demo", "--classes-per-group", "1"],
    [
      "prepare-model",
      "--model",
      "tiny",
      "--from",
      installPath("test/golden/pytorch/clip.pt"),
      "--out",
      join(dataDir, "w"),
    ],
  ];
  for (const command of commands) {
    const { status, err } = guie(command, temporaryFolder(t));
    assert.equal(status, 1);
    assert.match(err, /could not be written: the disk is read-only\.\n {2}Next: Choose a writable folder/);
  }
});
