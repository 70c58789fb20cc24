// Tests decoding threads: slow images are given up, jobs of clients that are gone are dropped.
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { DecodeWorkerData } from "guie/dist/serving/decode_thread";
import { DecodeThreads } from "guie/dist/serving/decode_threads";
import { Refusal } from "guie/dist/serving/limits/refusal";
import { MemoryKeeper } from "guie/dist/serving/memory_keeper";

function startThreads(t: TestContext, config: { maxDecodeMs: number; most: number }): DecodeThreads {
  const script = join(__dirname, "stuck_thread.js");
  const threads = new DecodeThreads({ ...config, script, data: {} as DecodeWorkerData });
  t.after(() => threads.close());
  return threads;
}

const upload = (...bytes: number[]) => ({ upload: Uint8Array.from(bytes) });
const gone = () => {
  const client = new AbortController();
  return { signal: client.signal, hangUp: () => client.abort(new Refusal(499, "the client is gone")) };
};

test("images that never finish are given up and their threads replaced", async (t) => {
  const threads = startThreads(t, { maxDecodeMs: 500, most: 2 });
  const stuck = [1, 1, 1, 1].map((kind) => threads.run(upload(kind)));
  for (const one of stuck) await assert.rejects(one, { status: 422, message: /not decoded within 0\.5 s/ });
  assert.equal(threads.load.givenUp, 4);
});

test("after stuck images and dead threads the next image is decoded", async (t) => {
  const threads = startThreads(t, { maxDecodeMs: 20_000, most: 1 });
  const client = gone();
  const stuck = threads.run(upload(1), client.signal);
  client.hangUp(); // a thread has begun it: it gets one more second
  await assert.rejects(stuck, { status: 499 });
  const dead = threads.run(upload(2));
  const next = threads.run(upload(7, 8));
  await assert.rejects(dead, /The thread that decoded an image ended/);
  assert.deepEqual([...(await next)], [7, 8]);
  assert.equal(threads.load.givenUp, 1);
});

test("waiting jobs of a client that is gone are never begun", async (t) => {
  const threads = startThreads(t, { maxDecodeMs: 20_000, most: 1 });
  const holder = gone();
  const first = threads.run(upload(1), holder.signal);
  const client = gone();
  const waiting = [1, 1, 1].map(() => threads.run(upload(1), client.signal));
  assert.deepEqual(threads.load, { waiting: 3, underWay: 1, givenUp: 0, ending: 0 });
  client.hangUp();
  for (const one of waiting) await assert.rejects(one, { status: 499 });
  assert.equal(threads.load.waiting, 0);
  await assert.rejects(threads.run(upload(3), client.signal), { status: 499 });
  holder.hangUp();
  await assert.rejects(first, { status: 499 });
  assert.deepEqual([...(await threads.run(upload(3)))], [3]);
  assert.equal(threads.load.givenUp, 1, "only the job that a thread had begun");
});

test("closing fails waiting and stuck jobs, and ends", async (t) => {
  const threads = startThreads(t, { maxDecodeMs: 20_000, most: 1 });
  const all = [1, 3].map((kind) => threads.run(upload(kind)));
  const fates = Promise.allSettled(all);
  await threads.close();
  assert.deepEqual(
    (await fates).map(({ status }) => status),
    ["rejected", "rejected"],
  );
});

test("beyond its bound, memory is returned repeatedly, and only until it is back", async () => {
  let replaced = 0;
  const back = new Promise<void>((resolve) => {
    const keeper = new MemoryKeeper(
      () => {
        replaced++;
        if (replaced === 3) {
          keeper.close();
          resolve();
        }
      },
      { slackBytes: -1e12, firstPauseMs: 1 },
    );
    keeper.check();
  });
  const alive = setInterval(() => {}, 1_000); // the keeper's own timer keeps no process alive
  await back;
  clearInterval(alive);
  assert.equal(replaced, 3);
  const content = new MemoryKeeper(() => replaced++, { slackBytes: 1e12, firstPauseMs: 1 });
  content.check();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(replaced, 3);
});
