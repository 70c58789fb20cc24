// Tests collectives between several processes, each of which runs cluster_rank.ts.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { startServer } from "guie/dist/engine/session/cluster";
import { runRanks } from "./ranks";

test("three processes reduce, gather and broadcast, run after run", async () => {
  const ranks = await runRanks(join(__dirname, "cluster_rank.js"), 3);
  for (const [rank, { rounds, w, devices }] of ranks.entries()) {
    assert.equal(rounds.length, 3);
    for (const values of rounds) {
      assert.deepEqual(values.sum, [6, 60]);
      assert.deepEqual(values.mean, [2, 20]);
      assert.deepEqual(values.max, [3, 30]);
      assert.deepEqual(values.halfSum, [6, 60]);
      assert.deepEqual(values.gathered, [1, 10, 2, 20, 3, 30]);
      assert.deepEqual(values.chiefs, [1, 10]);
      // The mean loss over ranks is 2 mean^2; x of a rank is a third of the mean: 3 * 4 mean / 3
      assert.deepEqual(values.gradient, [8, 80]);
    }
    assert.deepEqual(w, [1, 10]);
    assert.ok(
      devices.every((device: string) => device.startsWith(`/job:worker/replica:0/task:${rank}/`)),
      `${devices}`,
    );
  }
});

test("an invalid cluster is refused", () => {
  assert.throws(() => startServer({ addresses: ["127.0.0.1"], rank: 0 }), /"host:port"/);
  assert.throws(() => startServer({ addresses: ["a:1", "a:1"], rank: 0 }), /one address/);
  assert.throws(
    () => startServer({ addresses: ["a:1", "a:2"], rank: 2 }),
    /Rank 2 does not exist: there are 2/,
  );
});
