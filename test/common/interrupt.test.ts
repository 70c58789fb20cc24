// Stopping work: by this process's interrupt, and by the signals of callers.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  checkInterrupt,
  clearInterrupt,
  Interrupted,
  interruptSignal,
  requestInterrupt,
  withSignal,
} from "guie/dist/common/interrupt";

test("an interrupt is thrown once, and aborts the process's signal", async () => {
  const signal = interruptSignal();
  await checkInterrupt();
  requestInterrupt();
  assert.ok(signal.aborted);
  await assert.rejects(checkInterrupt(), Interrupted);
  await checkInterrupt();
  assert.equal(interruptSignal().aborted, false);
  requestInterrupt();
  clearInterrupt();
  await checkInterrupt();
});

test("a signal stops its work and everything that the work calls; other work goes on", async () => {
  const [mine, others] = [new AbortController(), new AbortController()];
  const loop = async (signal: AbortSignal, count: { turns: number }) =>
    withSignal(signal, async () => {
      while (count.turns < 20) {
        await checkInterrupt();
        if (++count.turns === 3 && signal === mine.signal) mine.abort("enough");
      }
    });
  const [stopped, whole] = [{ turns: 0 }, { turns: 0 }];
  const both = await Promise.allSettled([loop(mine.signal, stopped), loop(others.signal, whole)]);
  const [first] = both as [PromiseRejectedResult, unknown];
  assert.ok(first.reason instanceof Interrupted);
  assert.equal(first.reason.cause, "enough");
  assert.deepEqual([stopped.turns, whole.turns], [3, 20]);
});

test("the outer signal stops work too, once: the work can then end in good order", async () => {
  const outer = new AbortController();
  let isSaved = false;
  const work = async () => {
    try {
      outer.abort();
      await withSignal(new AbortController().signal, checkInterrupt);
    } finally {
      await checkInterrupt();
      isSaved = true;
    }
  };
  await assert.rejects(withSignal(outer.signal, work), Interrupted);
  assert.ok(isSaved);
});

test("a signal that is aborted already stops work before it begins", async () => {
  await assert.rejects(
    withSignal(AbortSignal.abort(), async () => assert.fail("it began")),
    Interrupted,
  );
  assert.equal(await withSignal(undefined, async () => 1), 1);
});
