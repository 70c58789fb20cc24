// Conditions under which a watching cell ends for the next one.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isWatchedNext } from "guie/dist/notebook/views/next_cell";

const CELLS = Symbol.for("guie.cells");
const kernel = globalThis as { [CELLS]?: () => { running?: string; next?: string } };

test("a watching cell ends for itself, and for a cell that only watches the same run", (t) => {
  t.after(() => delete kernel[CELLS]);
  const running = "const run = startRun(config);\nawait run.watch();";
  const giveWay = (next?: string) => {
    kernel[CELLS] = () => ({ running, ...(next === undefined ? {} : { next }) });
    return isWatchedNext("m02");
  };
  assert.equal(isWatchedNext("m02"), false, "outside of a kernel");
  assert.equal(giveWay(), false);
  for (const next of [
    running,
    'await guie.watchRun("m02")',
    "const end = await watchRun('checkpoints/m02');\n",
  ])
    assert.equal(giveWay(next), true, next);
  // Run All: the next cell needs the finished run
  for (const next of [
    'await guie.watchRun("m03")',
    'await guie.watchRun("m02"); await next()',
    "startRun(fineTune)",
    "const run = startRun(other);\nawait run.watch();",
  ])
    assert.equal(giveWay(next), false, next);
});
