// The public conformance suite for kernels.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { installPath } from "guie/dist/common/project";

test("the kernel passes all checks of the public conformance suite for kernels", () => {
  const { stdout, stderr, status } = spawnSync(
    installPath(".venv", "bin", "python"),
    [installPath("test", "kernel", "conform.py"), installPath("scripts")],
    { encoding: "utf8" },
  );
  assert.equal(status, 0, stderr);
  const results = Object.entries(JSON.parse(stdout) as Record<string, unknown>);
  assert.equal(results.length, 27);
  assert.deepEqual(
    results.filter(([, result]) => result !== true),
    [],
  );
});
