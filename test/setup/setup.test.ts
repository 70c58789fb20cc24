import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { projectPath } from "guie/dist/common/project";

const setup = (env: NodeJS.ProcessEnv) =>
  spawnSync(process.execPath, [projectPath("scripts/setup.mjs")], { env, encoding: "utf8" });

test("a second set-up finds everything up to date and does nothing", () => {
  const { status, stdout, stderr } = setup(process.env);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^set-up: everything is up to date \([\d.]+ s\)\n$/);
});

test("what a machine lacks is named with the command that installs it", () => {
  const { status, stderr } = setup({ PATH: "/nonexistent" });
  assert.equal(status, 1);
  assert.match(
    stderr,
    /needed: Python 3\.10 or newer as python3; found: none\n {2}Next: sudo apt-get install python3/,
  );
});
