// Processes of this machine by their number.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { isRunning, processStart } from "guie/dist/common/parallel/processes";

test("this process runs and has one start time; an ended process is gone", () => {
  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  assert.deepEqual([isRunning(process.pid), isRunning(process.ppid), isRunning(pid)], [true, true, false]);
  assert.match(processStart(process.pid), /^\d+$/);
  assert.equal(processStart(process.pid), processStart(process.pid));
  assert.ok(Number(processStart(process.ppid)) <= Number(processStart(process.pid)), "parents come first");
  assert.equal(processStart(pid), "");
});
