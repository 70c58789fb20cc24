// Detection of failed processes, and of the one at fault. Times are in ms.
import assert from "node:assert/strict";
import { test } from "node:test";
import { RankWatch, SILENT_MS } from "guie/dist/training/processes/rank_watch";
import { clusterOfTfConfig, tfConfigOf } from "guie/dist/training/processes/tf_config";
import { fillBuckets } from "guie/dist/training/ranks/gradient_buckets";

/** Watches three ranks that have taken step 1 and compute step 2 since second 2. */
function threeInStep(): RankWatch {
  const watch = new RankWatch(3, 0);
  for (const rank of [0, 1, 2]) {
    watch.enter(rank, "step", 0, 1000);
    watch.enter(rank, "batch", 1, 2000);
    watch.enter(rank, "step", 1, 2000);
  }
  return watch;
}

function beatAll(watch: RankWatch, nowMs: number): void {
  for (const rank of [0, 1, 2]) watch.beat(rank, nowMs);
}

test("a death tells more than the others' loss of contact, whichever is reported first", () => {
  const watch = threeInStep();
  watch.fail(0, "peer", "it lost the others", 3000);
  watch.fail(2, "died", "SIGKILL", 3500);
  assert.equal(watch.failure(4000), undefined, "more may be reported");
  assert.deepEqual([watch.failure(4600)?.rank, watch.failure(4600)?.canRestart], [2, true]);
  watch.fail(1, "reported", "NaN", 4400);
  assert.deepEqual([watch.failure(4600)?.rank, watch.failure(4600)?.canRestart], [1, false]);
});

test("a silent rank has hung; one that has not begun yet has not", () => {
  const watch = threeInStep();
  for (const rank of [0, 2]) watch.beat(rank, 2000 + SILENT_MS);
  assert.equal(watch.failure(2000 + SILENT_MS), undefined);
  const failure = watch.failure(2001 + SILENT_MS);
  assert.equal(failure?.rank, 1);
  assert.match(failure!.cause, /no sign of life for 25 s \(last seen after step 1, computing the next\)/);
  assert.equal(new RankWatch(2, 0).failure(3_600_000), undefined);
});

test("if ranks lose the others, the silent one is at fault", () => {
  const watch = threeInStep();
  watch.fail(0, "peer", "it lost the others", 3000);
  for (const nowMs of [10_000, 20_000, 27_500]) for (const rank of [0, 1]) watch.beat(rank, nowMs);
  assert.equal(watch.failure(27_000), undefined);
  assert.equal(watch.failure(27_600)?.rank, 2);
});

test("a rank that all others wait for is behind; one that saves may take its time", () => {
  const watch = threeInStep();
  watch.enter(1, "batch", 1, 2500);
  watch.enter(0, "save", 1, 2500);
  beatAll(watch, 42_000);
  assert.equal(watch.failure(42_000), undefined);
  beatAll(watch, 43_000);
  assert.equal(watch.failure(43_000)?.rank, 1);
  assert.match(
    watch.failure(43_000)!.cause,
    /waited for it for 40 s \(it is after step 1, loading its batch\)/,
  );
});

test("a step of more than 40 s plus ten times the longest so far is stuck", () => {
  const watch = threeInStep(); // step 1 took 1 s, step 2 begins at 2 s
  beatAll(watch, 52_000);
  assert.equal(watch.failure(52_000), undefined);
  assert.match(watch.failure(52_001)!.cause, /step 2 does not end on any rank after 50 s/);
});

test("buckets keep the order and their size; a larger tensor has its own bucket", () => {
  const bytes: Record<string, number> = { a: 4, b: 5, c: 30, d: 1, e: 9, f: 1 };
  assert.deepEqual(
    fillBuckets(Object.keys(bytes), (name) => bytes[name]!, 10),
    [["a", "b"], ["c"], ["d", "e"], ["f"]],
  );
  assert.deepEqual(
    fillBuckets([], () => 0, 10),
    [],
  );
});

test("TF_CONFIG: the chief first, then the workers; tasks that do not train are refused", () => {
  const cluster = { worker: ["b:1", "c:1"], chief: ["a:1"] };
  const rankOf = (type: string, index: number) =>
    clusterOfTfConfig(JSON.stringify({ cluster, task: { type, index }, environment: "cloud" }));
  assert.deepEqual(rankOf("chief", 0), { addresses: ["a:1", "b:1", "c:1"], rank: 0 });
  assert.equal(rankOf("worker", 1).rank, 2);
  assert.throws(() => rankOf("worker", 2), /worker 2, which is not in its cluster/);
  const spec = { addresses: ["a:1", "b:2"], rank: 1 };
  assert.deepEqual(clusterOfTfConfig(tfConfigOf(spec)), spec);
  const withServer = { cluster: { ...cluster, ps: ["d:1"] }, task: { type: "ps", index: 0 } };
  assert.throws(() => clusterOfTfConfig(JSON.stringify(withServer)), /tasks of the kind ps/);
  assert.throws(() => clusterOfTfConfig("{"), /not JSON/);
  assert.throws(() => clusterOfTfConfig('{"cluster": {"worker": ["a"]}}'), /"host:port"/);
});
