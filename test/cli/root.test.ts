// Tests GUIE_ROOT, the folder of data/ and checkpoints/, from any working directory.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { projectPath, setRoot } from "guie";
import { installPath, projectRoot } from "guie/dist/common/project";
import { temporaryFolder } from "../folders";
import { makeTinyData } from "../training/tiny_data";

/** Runs a command. @param root GUIE_ROOT */
function guie(args: readonly string[], root: string | undefined, cwd = tmpdir()) {
  const { GUIE_ROOT: _, ...others } = process.env;
  const env = root === undefined ? others : { ...others, GUIE_ROOT: root };
  return spawnSync(process.execPath, [installPath("lib/bin/guie.js"), ...args], {
    cwd,
    env,
    encoding: "utf8",
  });
}

async function rootWithData(t: TestContext): Promise<string> {
  const root = temporaryFolder(t);
  const dataDir = await makeTinyData();
  cpSync(dataDir, join(root, "data/tiny"), { recursive: true });
  rmSync(dataDir, { recursive: true });
  return root;
}

const TRAIN = ["train", "--config-name", "tiny", "--stage", "frozen", "--run-name", "away"];

test("commands work in an empty GUIE_ROOT and from any folder; files that they write keep paths as given", async (t) => {
  const root = await rootWithData(t);
  const steps = ["--data-dir", "data/tiny", "--n-epochs", "1", "--max-steps-per-epoch", "2"];
  const trained = guie([...TRAIN, ...steps], root);
  assert.equal(trained.status, 0, trained.stderr);
  const run = join(root, "checkpoints/away");
  assert.ok(trained.stdout.includes(`run folder ${run}`), trained.stdout);
  const json = (path: string) => JSON.parse(readFileSync(path, "utf8"));
  assert.equal(json(join(run, "config.json")).dataDir, "data/tiny");
  const metrics = readFileSync(join(run, "metrics.jsonl"), "utf8").trim().split("\n");
  const scored = metrics.map((line) => JSON.parse(line)).find(({ kind }) => kind === "retrieval");
  assert.equal(scored.on.dataDir, "data/tiny");
  assert.ok(existsSync(join(root, "data/tiny/features")));
  assert.deepEqual(readdirSync(root).sort(), ["checkpoints", "data"]);
  assert.equal(existsSync(installPath("checkpoints/away")), false);

  const scores = guie(["evaluate", "away", "--config-name", "tiny", "--data-dir", "data/tiny"], ".", root);
  assert.equal(scores.status, 0, scores.stderr);
  assert.match(scores.stdout, /away/);
  const listed = guie(["runs"], ".", join(root, "data/.."));
  assert.match(listed.stdout, /away/);
});

test("without GUIE_ROOT the clone is the root, from any folder; a missing root is an error", () => {
  const status = guie(["get-data", "--dataset", "Fruit"], undefined);
  assert.ok(status.stdout.includes(installPath("data/guie/raw/")), status.stdout + status.stderr);
  const missing = join(tmpdir(), "no-such-root");
  const refused = guie(["runs"], missing);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /Expected the root .*no-such-root: there is no such folder[\s\S]*GUIE_ROOT/);
});

test("setRoot changes the root of this process and of its child processes", (t) => {
  const before = projectRoot();
  t.after(() => setRoot(before));
  const folder = temporaryFolder(t);
  setRoot(folder);
  assert.equal(projectPath("data", "x"), join(folder, "data/x"));
  assert.equal(projectPath("/data/x"), "/data/x");
  assert.equal(process.env.GUIE_ROOT, folder);
  assert.throws(() => setRoot(join(folder, "none")), /there is no such folder/);
  assert.equal(projectRoot(), folder);
});
