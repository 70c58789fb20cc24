// The budget that concurrent work shares.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Budget } from "guie/dist/common/parallel/budget";

test("work runs concurrently within the limit, in order; larger work runs alone", async () => {
  const budget = new Budget(10);
  const begun: string[] = [];
  const ends: Record<string, () => void> = {};
  const start = (name: string, amount: number) =>
    budget.use(amount, () => {
      begun.push(name);
      return new Promise<void>((resolve) => {
        ends[name] = resolve;
      });
    });
  const all = [start("a", 6), start("b", 4), start("c", 100), start("d", 1)];
  await nextTurn();
  assert.deepEqual(begun, ["a", "b"]); // 6 + 4; d waits after c
  ends.a!();
  await nextTurn();
  assert.deepEqual(begun, ["a", "b"]); // c needs all of it
  ends.b!();
  await nextTurn();
  assert.deepEqual(begun, ["a", "b", "c"]);
  ends.c!();
  await nextTurn();
  ends.d!();
  await Promise.all(all);
});

test("failed work frees its share of the budget", async () => {
  const budget = new Budget(1);
  await assert.rejects(
    budget.use(1, () => Promise.reject(new Error("no"))),
    /no/,
  );
  assert.equal(await budget.use(1, async () => 7), 7);
});
