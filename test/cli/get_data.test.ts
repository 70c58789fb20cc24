// Tests the size of the demo from the command line.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { readJson } from "guie/dist/common/files/files";
import { installPath } from "guie/dist/common/project";
import type { DemoStamp } from "guie/dist/datasets/demo/stamp";
import { z } from "zod";
import { temporaryFolder } from "../folders";

const GROUPS = 7;

function guie(...args: string[]) {
  const command = installPath("lib/bin/guie.js");
  return spawnSync(process.execPath, [command, "get-data", ...args], { encoding: "utf8" });
}

test("--classes-per-group sets the number of classes in each of seven groups, a fifth of which is held out", (t) => {
  const dataDir = join(temporaryFolder(t), "demo");
  const flags = ["--data-dir", dataDir, "--demo", "--classes-per-group"];
  const { status, stdout, stderr } = guie(...flags, "5", "--json");
  assert.equal(status, 0, stderr);
  const { datasets, demo } = JSON.parse(stdout) as { datasets: { classes: number }[]; demo: DemoStamp };
  assert.equal(demo.classes, 5 * GROUPS);
  const [trained, heldOut] = [4, 1].map((classes) => Array(GROUPS).fill(classes));
  assert.deepEqual(
    demo.groups.map(({ trainClasses }) => trainClasses),
    trained,
  );
  assert.deepEqual(
    demo.groups.map(({ heldOutClasses }) => heldOutClasses),
    heldOut,
  );
  assert.deepEqual(
    datasets.map(({ classes }) => classes),
    trained,
  );
  assert.equal(readJson(join(dataDir, "demo.json"), z.custom<DemoStamp>()).recipe.classesPerGroup, 5);

  const refused = guie(...flags, "few");
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /--classes-per-group takes a number, got "few"\.\n {2}Next: /);
});

test("a missing engine is an error in words, with a next step", () => {
  const command = installPath("lib/bin/guie.js");
  const env = { ...process.env, TENSORFLOW_FOLDER: "/nonexistent" };
  const { status, stderr } = spawnSync(process.execPath, [command, "embed"], { env, encoding: "utf8" });
  assert.equal(status, 1);
  assert.match(
    stderr,
    /^guie embed: TENSORFLOW_FOLDER is \/nonexistent: there is no libtensorflow_cc.*\n {2}Next: Unset it/,
  );
});
